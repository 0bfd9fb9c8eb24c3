import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { TlsIdentity } from '../http/listener.ts'
import type { AppSwitches } from './app-cgis.ts'
import type { AxisApp } from './axis-app.ts'
import type { AxisUser } from './axis-options.ts'

/** What outlives the process. */
export interface SavedAxisState {
  kind: 'axis'
  serialNumber: string
  users: readonly AxisUser[]
  switches: AppSwitches
  apps: readonly AxisApp[]
  clockOffsetMs: number
  reboots: number
  /** Clients pin the certificate, so it must outlive the process too. */
  tls: TlsIdentity | null
}

/** Reads a state file; null when there is none yet. Throws TypeError when it is not one of an Axis camera. */
export function loadAxisState(path: string): SavedAxisState | null {
  const text = readIfThere(path)
  if (text === null) return null
  const value: unknown = JSON.parse(text, (key, part) => (key === 'received' ? new Map(Object.entries(part)) : part))
  if (!isSaved(value)) throw new TypeError(`${path} is no state file of a simulated Axis camera.`)
  return value
}

/** Written beside and renamed, so that a kill leaves the old or the new state; synchronous, so that none is lost. */
export function saveAxisState(path: string, state: SavedAxisState): void {
  const beside = `${path}.new`
  const text = JSON.stringify(state, (_key, part) => (part instanceof Map ? Object.fromEntries(part) : part), 2)
  writeFileSync(beside, `${text}\n`, { mode: 0o600 })
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

function isSaved(value: unknown): value is SavedAxisState {
  if (!isRecord(value) || value.kind !== 'axis' || !isRecord(value.switches)) return false
  if (typeof value.serialNumber !== 'string' || !Number.isFinite(value.clockOffsetMs)) return false
  if (!Number.isSafeInteger(value.reboots) || !Array.isArray(value.users) || !Array.isArray(value.apps)) return false
  const areApps = value.apps.every(
    (app) => isRecord(app) && typeof app.name === 'string' && app.received instanceof Map,
  )
  return areApps && value.users.every((user) => isRecord(user) && typeof user.user === 'string')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
