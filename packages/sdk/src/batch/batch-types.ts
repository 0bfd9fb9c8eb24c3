import type { Device, Installation, InstallRequest } from '@ocelli/contract'
import type { OcelliError } from '../errors/ocelli-error.ts'
import type { ChangeOptions } from '../resources/installations.ts'
import type { BatchJournal } from './journal.ts'

/** What is to happen on each device. */
export type BatchAction =
  | ({ kind: 'install'; appId: string } & InstallRequest)
  | { kind: 'update' | 'uninstall' | 'start' | 'stop'; appId: string }

/**
 * Device ids, or devices, such as a listing gives them. Read no faster than there is room; one that comes again is passed over.
 */
export type BatchDevices =
  | Iterable<string | Pick<Device, 'deviceId'>>
  | AsyncIterable<string | Pick<Device, 'deviceId'>>

export interface BatchOptions {
  /** Devices in work at once; 5 by default, because packages are large and networks are not. */
  concurrency?: number
  /** How often a device is tried again whose failure may pass; 2 by default. */
  retries?: number
  /** Bounds of the pause before that: a random share of a bound that doubles. */
  retryPause?: { baseMs: number; capMs: number }
  /** How long to wait until an accepted change has settled; 2 h by default. */
  settleTimeoutMs?: number
  /** `queue`: a device that is away is changed when it returns. */
  whenOffline?: ChangeOptions['whenOffline']
  onProgress?: (progress: BatchProgress) => void
  /** Nothing more is sent; what was accepted goes on without being waited for. */
  signal?: AbortSignal
  /** Makes the batch go on where it was broken off. */
  journal?: BatchJournal
}

export interface BatchError {
  /** A problem code, the code of an installation's error, or one of this client. */
  code: string
  detail: string
  /** Of an installation's error. */
  category: string | null
  retryable: boolean
}

/** What came of one device. */
export type DeviceResult = {
  deviceId: string
  /** How often it was sent, over all runs of the batch. */
  attempts: number
  /** Known from the journal: nothing was sent in this run. */
  fromJournal: boolean
} & (
  | { kind: 'succeeded'; changed: boolean; installation: Installation | null }
  | { kind: 'failed'; error: BatchError; installation: Installation | null }
  /** Accepted; what came of it was not waited for to its end. */
  | { kind: 'unsettled'; error: BatchError; installation: Installation | null }
  | { kind: 'not-sent'; error: BatchError }
)

/** How many devices have ended in which way; the rest is at work or not read yet. */
export interface BatchCounts {
  succeeded: number
  failed: number
  unsettled: number
  notSent: number
}

export interface BatchProgress {
  kind: 'sending' | 'waiting' | 'trying-again' | 'done'
  deviceId: string
  attempt: number
  /** With `done`. */
  result: DeviceResult | null
  /** With `trying-again`. */
  inMs: number | null
  counts: BatchCounts
  /** Devices read from the list so far. */
  known: number
}

export interface BatchReport {
  batchId: string
  /** In the order of the devices, each device once. */
  results: DeviceResult[]
  counts: BatchCounts
  /** Why it ended before all devices were sent: the signal, the credentials, the journal, the list of devices. */
  stoppedBy: OcelliError | null
}
