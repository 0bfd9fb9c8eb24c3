import { DeviceReport, type Report } from '@ocelli/contract'
import { Value } from 'typebox/value'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { deviceFile } from './device-memory.ts'
import { createWakeUp, ignoreAbort } from './wake-up.ts'

const coalesceMs = 100
const resendAfterMs = 5_000
const idleMs = 3_600_000
const maxReportsPerMessage = 200
/** Brokers limit a packet; a device's report takes some 300 bytes and 200 more for each app. */
const maxCharactersPerMessage = 200_000

export type ReportBody = Omit<DeviceReport, 'seq'>

/**
 * Carries the state of every device to the platform. Only the newest state of a device counts: it replaces an older one
 * that was not acknowledged, lies on disk until the platform says that it has committed it, and is sent again till then.
 */
export interface Reporter {
  submit(body: ReportBody): void
  acknowledge(acks: readonly { deviceId: string; seq: number }[]): void
  /** After a new session has begun: everything unacknowledged goes out again. */
  sessionBegan(): void
  forget(deviceId: string): Promise<void>
  run(signal: AbortSignal): Promise<void>
}

interface Pending {
  report: DeviceReport
  submittedAtMs: number
  isOnDisk: boolean
  sent: { session: number; atMs: number } | null
}

export interface ReporterOptions {
  stateFolder: StateFolder
  clock: Clock
  log: Log
  session: () => number | null
  send: (message: Report) => Promise<boolean>
}

export function createReporter(options: ReporterOptions): Reporter {
  const { stateFolder, clock, log, session, send } = options
  const wakeUp = createWakeUp(clock)
  const pending = new Map<string, Pending>()
  const lastSeq = new Map<string, number>()
  const disk = createDisk(stateFolder, log)

  function nextSeq(deviceId: string): number {
    const seq = (lastSeq.get(deviceId) ?? 0) + 1
    lastSeq.set(deviceId, seq)
    return seq
  }

  /** What the process before this one could not deliver; a report made since then is newer and stays. */
  async function restore(): Promise<void> {
    for (const report of await disk.readAll()) {
      if (pending.has(report.deviceId)) continue
      lastSeq.set(report.deviceId, Math.max(report.seq, lastSeq.get(report.deviceId) ?? 0))
      const connectivity = { ...report.connectivity, lastAnswerSecondsAgo: null }
      const restored = { ...report, connectivity }
      pending.set(report.deviceId, { report: restored, submittedAtMs: clock.monotonic(), isOnDisk: true, sent: null })
    }
  }

  const isDue = ({ sent }: Pending, present: number, nowMs: number): boolean =>
    sent === null || sent.session !== present || nowMs - sent.atMs >= resendAfterMs

  async function flush(): Promise<void> {
    const present = session()
    if (present === null) return
    const nowMs = clock.monotonic()
    const due = [...pending.values()].filter((one) => isDue(one, present, nowMs))
    for (const batch of batches(due)) {
      await Promise.all(batch.map(store))
      const reports = batch.map((one) => aged(one, nowMs))
      const isSent = await send({ kind: 'report', session: present, reports })
      if (!isSent) return
      for (const one of batch) one.sent = { session: present, atMs: nowMs }
    }
  }

  async function store(one: Pending): Promise<void> {
    if (one.isOnDisk) return
    one.isOnDisk = true
    await disk.write(one.report)
  }

  const aged = ({ report, submittedAtMs }: Pending, nowMs: number): DeviceReport => {
    const { lastAnswerSecondsAgo } = report.connectivity
    if (lastAnswerSecondsAgo === null) return report
    const ageSeconds = Math.round((nowMs - submittedAtMs) / 1000)
    const connectivity = { ...report.connectivity, lastAnswerSecondsAgo: lastAnswerSecondsAgo + ageSeconds }
    return { ...report, connectivity }
  }

  return {
    submit(body) {
      const report = { ...body, seq: nextSeq(body.deviceId) }
      pending.set(body.deviceId, { report, submittedAtMs: clock.monotonic(), isOnDisk: false, sent: null })
      wakeUp.wake()
    },
    acknowledge(acks) {
      for (const { deviceId, seq } of acks) {
        const one = pending.get(deviceId)
        if (!one || one.report.seq > seq) continue
        pending.delete(deviceId)
        if (one.isOnDisk) void disk.remove(deviceId)
      }
    },
    sessionBegan: () => wakeUp.wake(),
    async forget(deviceId) {
      pending.delete(deviceId)
      await disk.remove(deviceId)
    },
    async run(signal) {
      await restore()
      while (!signal.aborted) {
        await flush()
        const isWaiting = session() !== null && pending.size > 0
        await wakeUp.wait(isWaiting ? resendAfterMs : idleMs, signal).catch(ignoreAbort(signal))
        // What comes together goes together: a site that reconnects reports hundreds of devices at once.
        await clock.sleep(coalesceMs, signal).catch(ignoreAbort(signal))
      }
    },
  }
}

function batches(due: readonly Pending[]): Pending[][] {
  const result: Pending[][] = []
  let characters = Number.POSITIVE_INFINITY
  for (const one of due) {
    const length = JSON.stringify(one.report).length
    const last = result.at(-1)
    if (!last || last.length >= maxReportsPerMessage || characters + length > maxCharactersPerMessage) {
      result.push([one])
      characters = length
    } else {
      last.push(one)
      characters += length
    }
  }
  return result
}

/** One file per device; a full disk is told and does not keep a report from being sent. */
function createDisk(stateFolder: StateFolder, log: Log) {
  const queues = new Map<string, Promise<void>>()

  function inOrder(deviceId: string, job: () => Promise<void>): Promise<void> {
    const done = (queues.get(deviceId) ?? Promise.resolve())
      .then(job)
      .catch((error: unknown) => log.error({ deviceId, err: error }, 'A report could not be kept on disk'))
      .finally(() => {
        if (queues.get(deviceId) === done) queues.delete(deviceId)
      })
    queues.set(deviceId, done)
    return done
  }

  return {
    write: (report: DeviceReport) =>
      inOrder(report.deviceId, () => stateFolder.writeJson(deviceFile('reports', report.deviceId), report)),
    remove: (deviceId: string) => inOrder(deviceId, () => stateFolder.remove(deviceFile('reports', deviceId))),
    async readAll(): Promise<DeviceReport[]> {
      const reports: DeviceReport[] = []
      for (const name of await stateFolder.list('reports/')) {
        const stored = await stateFolder.readJson(name).catch((error: unknown) => error)
        if (Value.Check(DeviceReport, stored)) reports.push(stored)
        else log.warn({ name }, 'A report on disk cannot be read and is left out; the camera is asked anew')
      }
      return reports
    },
  }
}
