import type { Clock } from '../state/clock.ts'
import { connectivityOf, type Sighting } from './connectivity.ts'
import { appsOf, factsOf, type RunningStep, workOf } from './device-report.ts'
import type { StepProgress } from './executor.ts'
import type { ReportBody } from './reporter.ts'
import type { RevisionBook } from './revision-book.ts'
import type { StepClocks } from './step-clocks.ts'

/** Platform and gateway agree that an unsettled wish is told of at least every minute. */
const refreshUnsettledMs = 50_000
const refreshSettledMs = 5 * 60_000
const progressGapMs = 1_000

export interface DeviceStateNow extends Sighting {
  deviceId: string
  assignment: number
  revision: number
  address: string
  /** The observed apps were read after the newest wish and the last step. */
  isListCurrent: boolean
}

/** Says what one device is like, when it changed and now and then. */
export interface DeviceReporting {
  /** Hands over the state unless it was told lately as it is; `anyway` tells it in any case. */
  tell(options?: { anyway: boolean }): void
  progressed(appId: string, progress: StepProgress): void
  stepEnded(appId: string): void
}

export interface DeviceReportingOptions {
  book: RevisionBook
  clocks: StepClocks
  clock: Clock
  submit: (body: ReportBody) => void
  stateNow: () => DeviceStateNow
}

export function createDeviceReporting(options: DeviceReportingOptions): DeviceReporting {
  const { book, clocks, clock, submit, stateNow } = options
  const progress = new Map<string, StepProgress>()
  let lastReport: { key: string; atMs: number } | null = null
  let lastProgressAtMs = Number.NEGATIVE_INFINITY

  function running(): Map<string, RunningStep> {
    const steps = new Map<string, RunningStep>()
    for (const { entry, attempt } of book.begun()) {
      const deadline = clocks.get(entry.appId)
      if (!deadline || !attempt.step) continue
      const now = progress.get(entry.appId) ?? { step: attempt.step, percent: null }
      steps.set(entry.appId, { ...now, secondsLeft: Math.ceil(deadline.leftMs / 1000) })
    }
    return steps
  }

  function body(state: DeviceStateNow): ReportBody {
    const { deviceId, assignment, revision, address, observation } = state
    const view = { desired: book.entries(), memoryOf: book.memoryOf, running: running() }
    const answered = observation?.kind === 'answered' ? observation : null
    return {
      ...{ deviceId, assignment, revision, address },
      connectivity: connectivityOf(state, clock.monotonic()),
      facts: factsOf(answered?.facts ?? null),
      apps: answered && state.isListCurrent ? appsOf(answered.apps, view) : null,
      work: workOf(view),
    }
  }

  function tell({ anyway } = { anyway: false }): void {
    const state = stateNow()
    // Before the first look nothing is known, and "offline" would be a false alarm at every restart.
    if (state.observation === null) return
    const report = body(state)
    const key = JSON.stringify(report, (name, value) => (volatileFields.has(name) ? undefined : value))
    const nowMs = clock.monotonic()
    const refreshMs = book.unsettled().length > 0 ? refreshUnsettledMs : refreshSettledMs
    if (!anyway && lastReport?.key === key && nowMs - lastReport.atMs < refreshMs) return
    lastReport = { key, atMs: nowMs }
    submit(report)
  }

  return {
    tell,
    progressed(appId, next) {
      const before = progress.get(appId)
      progress.set(appId, next)
      const isSameStep = before?.step === next.step
      if (isSameStep && (before.percent === next.percent || clock.monotonic() - lastProgressAtMs < progressGapMs))
        return
      lastProgressAtMs = clock.monotonic()
      tell()
    },
    stepEnded: (appId) => {
      progress.delete(appId)
    },
  }
}

const volatileFields = new Set(['lastAnswerSecondsAgo', 'stepSecondsLeft', 'clockOffsetSeconds'])
