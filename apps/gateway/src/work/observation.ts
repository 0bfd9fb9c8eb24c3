import type { AppDowngrade, ConnectivityReason, DeviceFacts } from '@ocelli/contract'
import { DriverError, type InstalledApp } from '@ocelli/driver'
import { WorkError } from './work-error.ts'

/** One look at a camera. `hasAnswered`: something answered there as a camera does, whether or not it could be used. */
export type Observation =
  | { kind: 'answered'; apps: InstalledApp[]; facts: DeviceFacts | null; clockOffsetMs: number | null; can: Abilities }
  | { kind: 'blocked'; reason: ConnectivityReason; error: Error; hasAnswered: boolean; endsWork: boolean }
  | { kind: 'away'; error: Error; hasAnswered: boolean }

/** What the protocol of the camera that was looked at can do, whatever becomes of the connection. */
interface Abilities {
  downgrade: AppDowngrade
  takeLicense: boolean
}

export const isAnotherCamera = (observation: Observation): boolean =>
  observation.kind === 'blocked' && observation.reason === 'identity-changed'

export const anotherCamera = (address: string) =>
  identityError('identity-changed', `Another camera answers at ${address}. Nothing was written to it.`)

export const twoCameras = (address: string, rival: string) =>
  identityError('identity-conflict', `${address} and ${rival} answer with the same identity. Neither is written to.`)

const identityError = (code: 'identity-changed' | 'identity-conflict', detail: string) =>
  new WorkError({ category: 'device-unreachable', code, detail, retryable: true })

export function blocked(reason: ConnectivityReason, error: Error, { endsWork }: { endsWork: boolean }): Observation {
  return { kind: 'blocked', reason, error, hasAnswered: true, endsWork }
}

export function classify(error: unknown): Exclude<Observation, { kind: 'answered' }> {
  const known = error instanceof Error ? error : new Error(String(error))
  if (!(known instanceof DriverError)) return { kind: 'away', error: known, hasAnswered: false }
  switch (known.code) {
    case 'credentials-refused':
    case 'needs-first-password':
    case 'certificate-changed':
      return { kind: 'blocked', reason: known.code, error: known, hasAnswered: true, endsWork: true }
    case 'unreachable':
    case 'timeout':
    case 'cancelled':
    // What speaks another language is no sign of this camera: a printer took its address, or a proxy answers for it.
    case 'bad-reply':
    case 'unsupported':
      return { kind: 'away', error: known, hasAnswered: false }
    default:
      return { kind: 'away', error: known, hasAnswered: true }
  }
}
