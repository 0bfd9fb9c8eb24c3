import { invalidOptions } from '../errors/ocelli-error.ts'
import type { BatchAction, BatchError } from './batch-types.ts'

/** One line of a journal. Written before and after each sending, never changed. */
export type JournalEntry =
  | { kind: 'begun'; version: 1; batchId: string; action: BatchAction }
  | { kind: 'sending'; deviceId: string; attempt: number }
  | { kind: 'accepted'; deviceId: string; attempt: number; targetVersion: string | null }
  | { kind: 'succeeded'; deviceId: string; attempt: number; changed: boolean }
  | { kind: 'failed'; deviceId: string; attempt: number; error: BatchError }

/** Where a batch remembers what it has done. `append` resolves when the entry will survive the end of this process. */
export interface BatchJournal {
  read(): AsyncIterable<JournalEntry>
  append(entry: JournalEntry): Promise<void>
}

/**
 * What to do with a device, by its last entry:
 *
 * | last entry | in this run |
 * | --- | --- |
 * | none | send |
 * | sending | send again with the same Idempotency-Key: the platform carries it out once |
 * | accepted | send nothing, wait until it has settled |
 * | succeeded | nothing |
 * | failed | send as a new attempt |
 */
export type DeviceRecord = Exclude<JournalEntry, { kind: 'begun' }>

export interface Remembered {
  batchId: string | null
  devices: Map<string, DeviceRecord>
}

/** Reads a journal. Throws `invalid-options` when it belongs to another action. */
export async function replay(journal: BatchJournal, action: BatchAction): Promise<Remembered> {
  const remembered: Remembered = { batchId: null, devices: new Map() }
  for await (const entry of journal.read()) {
    if (entry.kind === 'begun') {
      if (entry.version !== 1) throw invalidOptions('The journal was written by a newer version of this client.')
      if (sorted(entry.action) !== sorted(action)) {
        throw invalidOptions(`The journal belongs to another batch: ${entry.action.kind} of ${entry.action.appId}.`)
      }
      remembered.batchId = entry.batchId
    } else if (remembered.batchId === null) {
      throw invalidOptions('The journal does not begin like a journal of a batch.')
    } else {
      remembered.devices.set(entry.deviceId, entry)
    }
  }
  return remembered
}

const sorted = (action: BatchAction): string =>
  JSON.stringify(
    Object.entries(action)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
