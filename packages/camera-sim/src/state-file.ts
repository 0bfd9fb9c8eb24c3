import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { AppState, InstalledApp } from './apps/app.ts'
import type { TlsIdentity } from './http/listener.ts'

/** What outlives the process. */
export interface SavedState {
  deviceId: string
  apps: readonly InstalledApp[]
  clockOffsetMs: number
  reboots: number
  /** The administrator's, once they were changed; null for those of the options. */
  credentials: { user: string; password: string } | null
  /** Clients pin the certificate, so it must outlive the process too. */
  tls: TlsIdentity | null
}

/** Reads a state file; null when there is none yet. Throws when it is not one of ours. */
export function loadState(path: string): SavedState | null {
  const text = readIfThere(path)
  if (text === null) return null
  const value: unknown = JSON.parse(text)
  if (!isSavedState(value)) throw new TypeError(`${path} is no state file of a simulated camera.`)
  return value
}

/** Written beside and renamed, so that a kill leaves the old or the new state; synchronous, so that none is lost. */
export function saveState(path: string, state: SavedState): void {
  const beside = `${path}.new`
  writeFileSync(beside, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(beside, path)
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

function isCredentials(value: unknown): boolean {
  return isRecord(value) && typeof value.user === 'string' && typeof value.password === 'string'
}

function isTlsIdentity(value: unknown): boolean {
  return isRecord(value) && typeof value.key === 'string' && typeof value.certificate === 'string'
}

const states: readonly AppState[] = ['Active', 'Inactive', 'Installing', 'Uninstalling']

function isSavedState(value: unknown): value is SavedState {
  if (!isRecord(value) || !Array.isArray(value.apps)) return false
  if (value.credentials !== null && !isCredentials(value.credentials)) return false
  if (typeof value.deviceId !== 'string' || (value.tls !== null && !isTlsIdentity(value.tls))) return false
  return Number.isFinite(value.clockOffsetMs) && Number.isSafeInteger(value.reboots) && value.apps.every(isSavedApp)
}

function isSavedApp(app: unknown): app is InstalledApp {
  if (!isRecord(app) || !Array.isArray(app.licenses)) return false
  const areTexts = ['appId', 'name', 'version', 'status'].every((key) => typeof app[key] === 'string')
  const areNumbers = ['versionCode', 'installedMs', 'updatedMs', 'sizeBytes'].every((key) => Number.isFinite(app[key]))
  return areTexts && areNumbers && states.some((state) => state === app.state) && app.licenses.every(isRecord)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
