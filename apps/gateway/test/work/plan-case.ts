import type { DesiredApp, InstallationError, RunningState } from '@ocelli/contract'
import type { InstalledApp } from '@ocelli/driver'
import {
  type AppMemory,
  type Attempt,
  emptyMemory,
  newAttempt,
  noteBeginning,
  openAttempt,
} from '../../src/work/attempt.ts'
import { type PlanInput, plan } from '../../src/work/planner.ts'

export const appId = 'com.example.counter'
export const v4 = packageOf('4.0.0', 22)
export const v41 = packageOf('4.1.1', 24)
export const oldLicense = { licenseId: '11111111-1111-4111-8111-111111111111', licenseType: 'TRIAL' as const }
export const newLicense = { licenseId: '22222222-2222-4222-8222-222222222222', licenseType: 'FULL' as const }

export function packageOf(version: string, versionCode: number) {
  const packageId = `00000000-0000-4000-8000-0000000000${versionCode}`
  return { packageId, format: 'apk' as const, version, versionCode, size: 1000, sha256: 'a'.repeat(64) }
}

export function wish(changes: Partial<DesiredApp> = {}): DesiredApp {
  return {
    appId,
    revision: 7,
    presence: 'PRESENT',
    package: v4,
    running: null,
    license: newLicense,
    allowDowngrade: false,
    settled: false,
    ...changes,
  }
}

export function camera(
  version: string,
  state: InstalledApp['state'] = 'NOT_RUNNING',
  licenses: string[] = [],
): InstalledApp {
  const listed = licenses.map((name) => ({ name, validUntil: null }))
  return { appId, name: 'Counter', version, state, status: null, licenses: listed }
}

/** What earlier revisions left behind: 4.0.0 from our own package, licensed. */
export const installed4: Partial<AppMemory> = {
  installed: { packageId: v4.packageId, version: '4.0.0', versionCode: 22, listedAs: '4.0.0' },
  license: { licenseId: newLicense.licenseId, wasListed: false },
}

export function begun(changes: Partial<Attempt>): Partial<AppMemory> {
  return { attempt: { ...newAttempt(7), ...changes } }
}
export const updateFrom = (runningState: RunningState) => ({ isPresent: true, isUpdate: true, runningState })
export const fresh = { isPresent: false, isUpdate: false, runningState: 'NOT_RUNNING' as const }

export function error(changes: Partial<InstallationError>): InstallationError {
  const at = '2026-01-01T00:00:00Z'
  return { category: 'timeout', code: 'step-timeout', detail: 'x', deviceCode: null, retryable: true, at, ...changes }
}

/** One row of a planner table: the wish, what the camera shows, what is remembered. */
export interface Case {
  wish?: Partial<DesiredApp>
  seen?: InstalledApp | null
  memory?: Partial<AppMemory>
  input?: Partial<PlanInput>
}

/** Opens the attempt as the worker does, plans, and says the outcome in one word. */
export function outcome({ wish: changes, seen = null, memory, input }: Case): string {
  const entry = wish(changes)
  const opened = noteBeginning(openAttempt({ ...emptyMemory, ...memory }, entry), entry, seen)
  const result = plan({
    desired: [entry],
    observed: seen ? [seen] : [],
    memory: new Map([[appId, opened]]),
    packagesOnDisk: new Set(),
    backingOff: new Set(),
    downgrade: 'NONE',
    canTakeLicense: true,
    ...input,
  })
  const app = result.apps[0]
  if (!app) return 'nothing'
  if (app.kind === 'act') return app.action.kind === 'await-camera' ? `await ${app.action.step}` : app.action.kind
  return app.kind === 'settle' ? `${app.phase}${app.error ? ` ${app.error.code}` : ''}` : 'settled'
}

export const onDisk = { packagesOnDisk: new Set([v4.packageId, v41.packageId]) }

export function listedAs(words: string, wanted: typeof v4): Partial<AppMemory> {
  const { packageId, version, versionCode } = wanted
  return { installed: { packageId, version, versionCode, listedAs: words } }
}

/** Rows of a planner table: a sentence, what is given, and the expected outcome in a word or two. */
export type Rows = [string, Case, string][]
