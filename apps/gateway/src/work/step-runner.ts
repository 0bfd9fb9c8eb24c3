import type { Step } from '@ocelli/contract'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import { type Attempt, licenseDuring, stepBegun, stepDone, stepFailed } from './attempt.ts'
import { executeStep, type StepFindings, type StepProgress, type StepTools } from './executor.ts'
import type { Action } from './planner.ts'
import { nextTry } from './retry-plan.ts'
import type { RevisionBook } from './revision-book.ts'
import type { StepClocks } from './step-clocks.ts'
import { LeftBehindError, stepBudgetMs, stepTimeout } from './step-deadline.ts'
import { InterruptedError, toInstallationError } from './work-error.ts'

export interface StepRunnerOptions {
  deviceId: string
  book: RevisionBook
  clocks: StepClocks
  tools: StepTools
  clock: Clock
  log: Log
  isConfirmed: () => boolean
  /** How many cameras of the site may be at work, so many uploads share its line. */
  placesOf: (siteId: string) => number
  onProgress: (appId: string, progress: StepProgress) => void
}

/** Runs one planned step of one device and writes down what came of it. */
export interface StepRunner {
  /** Throws the signal's reason when it is aborted; everything else is noted in the book. */
  run(next: { appId: string; action: Action }, signal: AbortSignal): Promise<void>
  /** What is left of the time of the step begun last, in milliseconds; it starts when it does not run. */
  leftMs(appId: string, attempt: Pick<Attempt, 'revision' | 'step'>): number
  /** The rates of the site have changed, or how many share them: steps that began under others have the time that these need. */
  limitsChanged(): void
  /** Cuts a running download short when its wish is no longer the newest; other steps are let finish. */
  reconsider(): void
  /** Cuts a running download short; other steps are let finish. */
  endDownload(): void
}

export function createStepRunner(options: StepRunnerOptions): StepRunner {
  const { deviceId, book, clocks, tools, clock, log, isConfirmed, placesOf, onProgress } = options
  let download: { appId: string; revision: number; abort: AbortController } | null = null

  const isCurrent = (appId: string, revision: number): boolean =>
    book.entries().some((entry) => entry.appId === appId && entry.revision === revision && !entry.settled)

  function endDownload(): void {
    download?.abort.abort(new InterruptedError('superseded', 'A newer wish took the place of this download.'))
  }

  /** The rates of the site may be narrower than the slowest line that is waited for; others share them. */
  function limitsNeedMs(step: Step, size: number): number {
    const siteId = tools.siteId()
    if (step === 'DOWNLOAD') return 2 * tools.packages.limitNeedsMs(siteId, size)
    if (step === 'UPLOAD') return 2 * Math.max(1, placesOf(siteId)) * tools.uploads.needsMs(siteId, size)
    return 0
  }

  function budgetOf(appId: string, step: Step): number {
    const size = book.entries().find((entry) => entry.appId === appId)?.package?.size ?? 0
    return stepBudgetMs(step, size) + limitsNeedMs(step, size)
  }

  /** Starts the step's time unless it runs already; gives what is left of it, in milliseconds. */
  function startTime(appId: string, { revision, step }: { revision: number; step: Step }): number {
    return clocks.begin(appId, { revision, step, budgetMs: budgetOf(appId, step) })
  }

  async function begin(appId: string, action: Action) {
    const memory = book.memoryOf(appId)
    if (!memory.attempt) throw new Error(`No attempt is open for ${appId}.`)
    const attempt = stepBegun(memory.attempt, action)
    await book.change(appId, { ...memory, attempt, license: licenseDuring({ ...memory, attempt }, action) })
    return attempt
  }

  async function fail(appId: string, action: Action, error: unknown): Promise<void> {
    const memory = book.memoryOf(appId)
    const { attempt } = memory
    if (!attempt) return
    const failure = toInstallationError(error instanceof LeftBehindError ? error.cause : error, clock.now())
    log.warn({ deviceId, appId, revision: attempt.revision, step: action.step, error: failure }, 'A step failed')
    // Cut off from the platform a download cannot go on; that is nobody's fault and is planned again.
    if (failure.category === 'network' && !isConfirmed()) return clocks.clear(appId)
    const next = nextTry(failure, attempt.failures + 1)
    const leftMs = clocks.get(appId)?.leftMs ?? 0
    const isFinal = next.kind === 'give-up' || next.afterMs >= leftMs
    await book.change(appId, { ...memory, attempt: stepFailed(attempt, action, { error: failure, isFinal }) })
    if (isFinal || !isCurrent(appId, attempt.revision)) clocks.clear(appId)
    else clocks.retryAfter(appId, next.afterMs)
  }

  async function execute(next: { appId: string; action: Action }, timeoutMs: number, signal: AbortSignal) {
    const { appId, action } = next
    const request = { appId, action, signal, onProgress: (progress: StepProgress) => onProgress(appId, progress) }
    const leftMs = () => clocks.get(appId)?.leftMs ?? 0
    const timeoutError = () => stepTimeout(action.step, clocks.get(appId)?.budgetMs ?? timeoutMs)
    return executeStep(request, { timeoutMs, leftMs, timeoutError }, tools)
  }

  async function succeed(appId: string, action: Action, findings: StepFindings): Promise<void> {
    clocks.clear(appId)
    await book.change(appId, stepDone(book.memoryOf(appId), action, findings))
  }

  return {
    async run(next, signal) {
      const { appId, action } = next
      const attempt = await begin(appId, action)
      const { revision } = attempt
      const timeoutMs = startTime(appId, { revision, step: action.step })
      const abort = new AbortController()
      if (action.kind === 'download') download = { appId, revision, abort }
      onProgress(appId, { step: action.step, percent: null })
      log.info({ deviceId, appId, revision, step: action.step, try: attempt.failures + 1 }, 'A step begins')
      try {
        const findings = await execute(next, timeoutMs, AbortSignal.any([signal, abort.signal]))
        await succeed(appId, action, findings)
      } catch (error) {
        signal.throwIfAborted()
        const cause = error instanceof LeftBehindError ? error.cause : error
        if (cause instanceof InterruptedError) clocks.clear(appId)
        else await fail(appId, action, error)
      } finally {
        download = null
      }
    },
    leftMs(appId, { revision, step }) {
      if (step === null) return Number.POSITIVE_INFINITY
      return clocks.get(appId)?.leftMs ?? startTime(appId, { revision, step })
    },
    limitsChanged() {
      for (const { entry, attempt } of book.begun()) {
        if (attempt.step !== null) clocks.extend(entry.appId, budgetOf(entry.appId, attempt.step))
      }
    },
    reconsider() {
      if (download && !isCurrent(download.appId, download.revision)) endDownload()
    },
    endDownload,
  }
}
