import type { Installation } from '@ocelli/contract'
import type { Clock } from '../clock.ts'
import { createSha256 } from '../download/sha256.ts'
import { cancelled, isOcelliError, type OcelliError } from '../errors/ocelli-error.ts'
import type { Answer, CallOptions } from '../http/api.ts'
import { onAbort } from '../on-abort.ts'
import type { BatchAction, BatchError, BatchOptions, BatchProgress, DeviceResult } from './batch-types.ts'
import type { ChangeWatch } from './change-watch.ts'
import type { DeviceRecord, JournalEntry } from './journal.ts'
import { endsBatch, judge, refusal } from './judge.ts'
import type { Slots } from './slots.ts'

export interface DeviceRun {
  batchId: string
  action: BatchAction
  options: Required<Pick<BatchOptions, 'retries' | 'retryPause' | 'settleTimeoutMs'>>
  clock: Clock
  random: () => number
  slots: Slots
  watch: ChangeWatch
  send: (deviceId: string, options: CallOptions) => Promise<Answer<Installation>>
  read: (deviceId: string, options: CallOptions) => Promise<Installation>
  record: (entry: JournalEntry) => Promise<void>
  progress: (progress: Pick<BatchProgress, 'kind' | 'deviceId' | 'attempt' | 'inMs'>) => void
  /** Aborted, with an OcelliError as reason, when nothing more is to be sent. */
  stopped: AbortSignal
  stop: (reason: OcelliError) => void
}

type Outcome =
  Exclude<DeviceResult, { kind: 'not-sent' }> extends infer Result
    ? Result extends DeviceResult
      ? Omit<Result, 'deviceId' | 'fromJournal' | 'attempts'>
      : never
    : never

/**
 * One device, from its first sending to its end:
 *
 * | state | what happens | becomes |
 * | --- | --- | --- |
 * | waiting for a slot | a slot | sending; the journal knows before the platform does |
 * | sending | 200, or 202 and settled | judged |
 * | sending | 202 | accepted; holds its slot, unless the platform has queued it |
 * | sending, accepted | a failure that may pass, tries left | pausing, without a slot |
 * | pausing | time | waiting for a slot, as a new attempt |
 * | accepted | settled | judged |
 * | accepted | `settleTimeoutMs`, or the batch is stopped | unsettled |
 * | judged | reached / missed | succeeded / failed, or pausing |
 * | waiting, pausing | the batch is stopped | not sent / failed as it last was |
 */
export async function runDevice(
  run: DeviceRun,
  { deviceId, before, release: firstRelease }: { deviceId: string; before: DeviceRecord | null; release: () => void },
): Promise<DeviceResult> {
  const { options, stopped } = run
  let attempt = before === null ? 1 : before.kind === 'failed' ? before.attempt + 1 : before.attempt
  const triesFrom = attempt
  let isAccepted = before?.kind === 'accepted' ? before : null
  let last: Outcome | null = null
  for (let release = firstRelease; ; attempt++, release = await run.slots.take()) {
    try {
      if (stopped.aborted) return last ? whole(last, deviceId, attempt - 1) : notSent(run, deviceId, attempt - 1)
      last = await tryOnce(run, { deviceId, attempt, resumed: isAccepted, release })
    } finally {
      release()
    }
    isAccepted = null
    if (last.kind !== 'failed' || !last.error.retryable || attempt - triesFrom >= options.retries || stopped.aborted)
      break
    const { baseMs, capMs } = options.retryPause
    const inMs = Math.round(run.random() * Math.min(capMs, baseMs * 2 ** (attempt - triesFrom)))
    run.progress({ kind: 'trying-again', deviceId, attempt, inMs })
    await run.clock.wait(inMs, stopped)
  }
  return whole(last, deviceId, attempt)
}

interface Try {
  deviceId: string
  attempt: number
  /** Accepted in an earlier run: only its end is awaited. */
  resumed: Extract<DeviceRecord, { kind: 'accepted' }> | null
  release: () => void
}

async function tryOnce(run: DeviceRun, { deviceId, attempt, resumed, release }: Try): Promise<Outcome> {
  const watch = run.watch.watch(deviceId)
  const settle = openSettleTime(run)
  try {
    if (!resumed) {
      await run.record({ kind: 'sending', deviceId, attempt })
      run.progress({ kind: 'sending', deviceId, attempt, inMs: null })
    }
    const answer = resumed
      ? { status: 202, body: await run.read(deviceId, { signal: run.stopped }) }
      : await run.send(deviceId, { signal: run.stopped, idempotencyKey: keyOf(run.batchId, deviceId, attempt) })
    let now = answer.body
    const accepted = resumed ? { ...now, targetVersion: resumed.targetVersion } : now
    if (!now.settled) {
      if (!resumed) await run.record({ kind: 'accepted', deviceId, attempt, targetVersion: now.targetVersion })
      run.progress({ kind: 'waiting', deviceId, attempt, inMs: null })
    }
    while (!now.settled) {
      // a device that is away would hold its slot for days
      if (now.queued) release()
      await watch.changed(settle.signal)
      if (settle.signal.aborted) return { kind: 'unsettled', error: unsettled(run), installation: now }
      now = await readPatiently(run, deviceId, settle.signal, now)
    }
    const judgement = judge(run.action, now, accepted)
    if (judgement.kind === 'missed')
      return await missed(run, { deviceId, attempt, error: judgement.error, installation: now })
    const changed = answer.status !== 200
    await run.record({ kind: 'succeeded', deviceId, attempt, changed })
    return { kind: 'succeeded', changed, installation: now }
  } catch (error) {
    if (!isOcelliError(error)) throw error
    if (endsBatch(error)) run.stop(error)
    // it is not known whether it arrived: the journal says `sending`, and the next run asks with the same key
    if (error.kind === 'cancelled') return { kind: 'unsettled', error: unsettled(run), installation: null }
    return await missed(run, { deviceId, attempt, error: refusal(error), installation: null })
  } finally {
    settle.close()
    watch.end()
  }
}

async function missed(
  run: DeviceRun,
  {
    deviceId,
    attempt,
    error,
    installation,
  }: { deviceId: string; attempt: number; error: BatchError; installation: Installation | null },
): Promise<Outcome> {
  await run.record({ kind: 'failed', deviceId, attempt, error })
  return { kind: 'failed', error, installation }
}

/** A platform that is away for a while changes nothing about what was accepted: it is asked again later. */
async function readPatiently(
  run: DeviceRun,
  deviceId: string,
  signal: AbortSignal,
  known: Installation,
): Promise<Installation> {
  try {
    return await run.read(deviceId, { signal })
  } catch (error) {
    if (isOcelliError(error) && (error.retryable || signal.aborted)) return known
    throw error
  }
}

/** Ends the waiting for one device: time, or the end of the batch. */
function openSettleTime({ clock, stopped, options }: DeviceRun): { signal: AbortSignal; close: () => void } {
  const settle = new AbortController()
  const onStop = () => settle.abort()
  const forget = onAbort(stopped, onStop)
  const stopTimer = clock.after(options.settleTimeoutMs, onStop)
  return {
    signal: settle.signal,
    close() {
      stopTimer()
      forget()
    },
  }
}

function unsettled({ stopped, options }: DeviceRun): BatchError {
  return stopped.aborted
    ? { ...refusal(stopReason(stopped)), retryable: true }
    : {
        code: 'not-settled',
        detail: `The change was accepted, but has not settled within ${options.settleTimeoutMs / 1000} s.`,
        ...{ category: 'timeout', retryable: true },
      }
}

/** The same for one attempt in every run of a batch, so that what was sent twice is carried out once. */
function keyOf(batchId: string, deviceId: string, attempt: number): string {
  const hash = createSha256()
  hash.update(new TextEncoder().encode(JSON.stringify([batchId, deviceId, attempt])))
  return hash.hex().slice(0, 32)
}

const stopReason = (stopped: AbortSignal): OcelliError =>
  isOcelliError(stopped.reason) ? stopped.reason : cancelled(stopped)

const whole = (outcome: Outcome, deviceId: string, attempts: number): DeviceResult => ({
  ...{ deviceId, attempts, fromJournal: false },
  ...outcome,
})

const notSent = ({ stopped }: DeviceRun, deviceId: string, attempts: number): DeviceResult => ({
  ...{ kind: 'not-sent', deviceId, attempts, fromJournal: false, error: refusal(stopReason(stopped)) },
})
