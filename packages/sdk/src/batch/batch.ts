import type { Event, Installation } from '@ocelli/contract'
import { cancelled, invalidOptions, isOcelliError, OcelliError } from '../errors/ocelli-error.ts'
import type { Api, CallOptions } from '../http/api.ts'
import { newIdempotencyKey } from '../http/idempotency-key.ts'
import { onAbort } from '../on-abort.ts'
import { eventMethods } from '../resources/events.ts'
import { installationChanges, installationMethods } from '../resources/installations.ts'
import type {
  BatchAction,
  BatchCounts,
  BatchDevices,
  BatchOptions,
  BatchProgress,
  BatchReport,
  DeviceResult,
} from './batch-types.ts'
import { watchChanges } from './change-watch.ts'
import { type DeviceRecord, type JournalEntry, replay } from './journal.ts'
import { type DeviceRun, runDevice } from './run-device.ts'
import { createSlots } from './slots.ts'

/** Runs one action on many devices, a few at a time. */
export type Batch = (devices: BatchDevices, action: BatchAction, options?: BatchOptions) => Promise<BatchReport>

/**
 * Throws `invalid-options` before anything is sent: for wrong options and for a journal of another batch. After that it
 * never throws; what goes wrong stands in the results and in `stoppedBy`.
 */
export function createBatch(api: Api): Batch {
  return async (devices, action, options = {}) => {
    const { concurrency = 5, signal } = options
    if (typeof devices === 'string') throw invalidOptions('devices must be a list of devices, not one text.')
    const settings = toSettings(options)
    const remembered = options.journal ? await replay(options.journal, action) : null
    const batchId = remembered?.batchId ?? newIdempotencyKey()

    const stopping = new AbortController()
    const stop = (reason: OcelliError) => stopping.abort(reason)
    const forget = onAbort(signal, () => {
      if (signal) stop(cancelled(signal))
    })

    const results = new Map<string, DeviceResult | null>()
    const tally = createTally(results, options.onProgress, stop)
    const record = (entry: JournalEntry) => append(options, entry, stop)
    const slots = createSlots(concurrency)
    const watch = watchChanges({ clock: api.engine.clock, stream: (closing) => follow(api, action, closing) })
    const run: DeviceRun = {
      ...{ batchId, action, options: settings, slots, watch, record, stop, stopped: stopping.signal },
      ...{
        clock: api.engine.clock,
        random: api.engine.random,
        progress: tally.progress,
        ...callsOf(api, action, options),
      },
    }
    try {
      if (options.journal && !remembered?.batchId) await record({ kind: 'begun', version: 1, batchId, action })
      await runAll(run, {
        devices,
        results,
        remembered: remembered?.devices ?? new Map(),
        done: tally.done,
      })
    } catch (error) {
      if (!isOcelliError(error)) throw error
      stop(error)
    } finally {
      forget()
      await watch.close()
    }
    const stoppedBy = stopping.signal.aborted ? (stopping.signal.reason as OcelliError) : null
    return {
      batchId,
      results: [...results.values()].filter((result) => result !== null),
      counts: tally.counts,
      stoppedBy,
    }
  }
}

interface AllDevices {
  devices: BatchDevices
  results: Map<string, DeviceResult | null>
  remembered: Map<string, DeviceRecord>
  done: (result: DeviceResult) => void
}

/** Every device once. After the batch was stopped, a list that has to be fetched is not read further. */
async function runAll(run: DeviceRun, { devices, results, remembered, done }: AllDevices): Promise<void> {
  const running = new Set<Promise<void>>()
  try {
    for await (const item of devices) {
      const deviceId = typeof item === 'string' ? item : item.deviceId
      if (results.has(deviceId)) continue
      results.set(deviceId, null)
      const before = remembered.get(deviceId) ?? null
      if (before?.kind === 'succeeded') {
        const { attempt: attempts, changed } = before
        done({ kind: 'succeeded', deviceId, attempts, changed, installation: null, fromJournal: true })
        continue
      }
      // read on only when there is room: a list of a hundred thousand is not turned into as many tasks
      const release = await run.slots.take()
      const task: Promise<void> = runDevice(run, { deviceId, before, release })
        .catch((error: unknown) => broken(run, deviceId, error))
        .then(done)
        .finally(() => running.delete(task))
      running.add(task)
      if (run.stopped.aborted && Symbol.asyncIterator in devices) break
    }
  } catch (cause) {
    run.stop(
      new OcelliError('The devices could not be read to their end.', {
        kind: 'invalid-options',
        code: 'devices-unreadable',
        cause,
      }),
    )
  }
  await Promise.all(running)
}

/** Even a fault of ours or of a hook is one device's result. */
function broken(run: DeviceRun, deviceId: string, thrown: unknown): DeviceResult {
  const error = isOcelliError(thrown)
    ? thrown
    : new OcelliError('The batch broke.', { kind: 'invalid-options', code: 'batch-broken', cause: thrown })
  run.stop(error)
  const { code, message: detail, retryable } = error
  return {
    kind: 'failed',
    deviceId,
    attempts: 0,
    fromJournal: false,
    installation: null,
    error: { code, detail, category: null, retryable },
  }
}

function createTally(
  results: Map<string, DeviceResult | null>,
  onProgress: BatchOptions['onProgress'],
  stop: DeviceRun['stop'],
) {
  const counts: BatchCounts = { succeeded: 0, failed: 0, unsettled: 0, notSent: 0 }
  const tell = (
    progress: Pick<BatchProgress, 'kind' | 'deviceId' | 'attempt' | 'inMs'>,
    result: DeviceResult | null,
  ) => {
    try {
      onProgress?.({ ...progress, result, counts: { ...counts }, known: results.size })
    } catch (cause) {
      stop(new OcelliError('onProgress has thrown.', { kind: 'invalid-options', code: 'progress-failed', cause }))
    }
  }
  return {
    counts,
    progress: (progress: Pick<BatchProgress, 'kind' | 'deviceId' | 'attempt' | 'inMs'>) => tell(progress, null),
    done(result: DeviceResult) {
      results.set(result.deviceId, result)
      counts[result.kind === 'not-sent' ? 'notSent' : result.kind]++
      tell({ kind: 'done', deviceId: result.deviceId, attempt: result.attempts, inMs: null }, result)
    },
  }
}

/** What could not be written down must not be sent: the next run would not know of it. */
async function append({ journal }: BatchOptions, entry: JournalEntry, stop: DeviceRun['stop']): Promise<void> {
  if (!journal) return
  try {
    await journal.append(entry)
  } catch (cause) {
    const error = new OcelliError('The journal cannot be written, so nothing more is sent.', {
      ...{ kind: 'invalid-options', code: 'journal-failed', cause },
    })
    stop(error)
    throw error
  }
}

function follow(api: Api, { appId }: BatchAction, signal: AbortSignal): AsyncIterable<Event> {
  return eventMethods(api).stream({ appId }, { signal })
}

function callsOf(api: Api, action: BatchAction, { whenOffline }: BatchOptions): Pick<DeviceRun, 'send' | 'read'> {
  const changes = installationChanges(api)
  const { get } = installationMethods(api)
  const { appId } = action
  return {
    read: (deviceId: string, options: CallOptions): Promise<Installation> => get({ appId, deviceId }, options),
    send: (deviceId, options) => {
      const pair = { appId, deviceId }
      const all = { ...options, whenOffline }
      switch (action.kind) {
        case 'install': {
          const { kind: _kind, appId: _appId, ...request } = action
          return changes.install(pair, request, all)
        }
        case 'update':
          return changes.update(pair, all)
        case 'uninstall':
          return changes.uninstall(pair, all)
        case 'start':
          return changes.run(pair, 'RUNNING', all)
        case 'stop':
          return changes.run(pair, 'NOT_RUNNING', all)
      }
    },
  }
}

function toSettings({ concurrency = 5, retries = 2, retryPause, settleTimeoutMs = 2 * 3_600_000 }: BatchOptions) {
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw invalidOptions('concurrency must be a whole number of at least 1.')
  if (!Number.isInteger(retries) || retries < 0) throw invalidOptions('retries must be a whole number of at least 0.')
  if (!(settleTimeoutMs > 0)) throw invalidOptions('settleTimeoutMs must be more than 0.')
  return { retries, settleTimeoutMs, retryPause: retryPause ?? { baseMs: 30_000, capMs: 10 * 60_000 } }
}
