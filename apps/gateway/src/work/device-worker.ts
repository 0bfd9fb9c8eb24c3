import { isDeepStrictEqual } from 'node:util'
import type { DesiredDevice } from '@ocelli/contract'
import type { Camera } from '../cameras/camera-store.ts'
import type { PackageCache } from '../packages/package-cache.ts'
import type { SiteRates } from '../packages/site-rates.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import { createAloneQueue } from './alone-queue.ts'
import type { CameraLink } from './camera-link.ts'
import type { CameraSearch } from './camera-search.ts'
import type { DeviceMemory } from './device-memory.ts'
import { createDeviceReporting, type DeviceStateNow } from './device-reporting.ts'
import { createPackageLeases } from './executor.ts'
import type { LicenseDesk } from './license-desk.ts'
import type { Observation } from './observation.ts'
import { plan } from './planner.ts'
import { repeat } from './repeat.ts'
import type { ReportBody } from './reporter.ts'
import { createRevisionBook } from './revision-book.ts'
import { createSitePlace } from './site-place.ts'
import { enterQueue, type SiteQueue } from './site-queue.ts'
import { createStepClocks } from './step-clocks.ts'
import { createStepRunner } from './step-runner.ts'
import { createWakeUp, ignoreAbort } from './wake-up.ts'

const unreachableRetryMs = 5_000
const hintGapMs = 1_000
const tickMs = 30_000

export interface DeviceWorkerOptions {
  camera: Camera
  memory: DeviceMemory
  createLink: (onHint: () => void) => CameraLink
  admission: SiteQueue
  placesOf: (siteId: string) => number
  /** A camera without work is looked at so often. */
  probeEveryMs: number
  uploads: Pick<SiteRates, 'take' | 'needsMs'>
  probes: SiteQueue
  licenses: Pick<LicenseDesk, 'ask'>
  packages: PackageCache
  search: Pick<CameraSearch, 'noteLook' | 'replacementOf'>
  isConfirmed: (deviceId: string, assignment: number) => boolean
  report: (body: ReportBody) => void
  clock: Clock
  log: Log
}

/** One camera's work: looks at it every minute, carries out what is wished step by step, and reports. */
export interface DeviceWorker {
  readonly deviceId: string
  known(): { deviceId: string; assignment: number; revision: number }
  /** A lower assignment or revision changes nothing. Resolves when the wish is on disk. */
  wish(desired: DesiredDevice): Promise<void>
  /** Address, password or pin have changed. */
  moveTo(camera: Camera): Promise<void>
  /** What the site allows has changed: running steps have the time that it needs. */
  limitsChanged(): void
  /** Looks again now, for instance because another camera answers with this identity. */
  wake(): void
  /** Runs a job between two turns, with the connection to the camera closed. */
  alone<Result>(job: () => Promise<Result>): Promise<Result>
  /** A session has begun: tells the state anew, and goes to work if there is work. */
  sessionBegan(): void
  /** Ends `run` after the running step. */
  retire(): void
  /** Works until the signal aborts or `retire`. The first look comes after `firstLookInMs`. */
  run(options: { firstLookInMs: number; signal: AbortSignal }): Promise<void>
}

export function createDeviceWorker(options: DeviceWorkerOptions): DeviceWorker {
  const { memory, admission, probes, licenses, packages, search, probeEveryMs, clock, log } = options
  const { deviceId } = options.camera
  let camera = options.camera
  let isRetired = false
  let lastAnswerAtMs: number | null = null
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let hasHint = false
  let observation: Observation | null = null
  // A list read before a wish came or a step ran proves nothing about what is there now.
  let isListCurrent = false
  const assignment = () => Math.max(camera.assignment, memory.content.desired?.assignment ?? 0)
  const isConfirmed = () => options.isConfirmed(deviceId, assignment())

  const wakeUp = createWakeUp(clock)
  const link = options.createLink(() => {
    hasHint = true
    wakeUp.wake()
  })
  const alone = createAloneQueue({ prepare: link.abandon, wake: wakeUp.wake })
  const book = createRevisionBook(memory, clock)
  const clocks = createStepClocks(clock)
  const leases = createPackageLeases()
  const reporting = createDeviceReporting({ book, clocks, clock, submit: options.report, stateNow })
  const askLicense = (request: { appId: string; licenseId: string }, signal: AbortSignal) =>
    licenses.ask({ deviceId, assignment: assignment(), ...request }, signal)
  const siteId = () => memory.content.desired?.siteId ?? camera.siteId
  const place = createSitePlace({ admission, siteId, onGranted: () => wakeUp.wake() })
  const noteAnswer = () => {
    lastAnswerAtMs = clock.monotonic()
  }
  const tools = {
    ...{ link, packages, leases, configurations: memory.configurations, uploads: options.uploads },
    ...{ siteId, noteAnswer, askLicense, clock },
  }
  const runner = createStepRunner({
    ...{ deviceId, book, clocks, tools, clock, log, isConfirmed },
    ...{ placesOf: options.placesOf, onProgress: reporting.progressed },
  })

  function stateNow(): DeviceStateNow {
    const { address } = camera
    const { replacementOf } = search
    const seen = { observation, isListCurrent, lastAnswerAtMs, probeEveryMs, replacement: replacementOf(deviceId) }
    return { ...known(), address, ...seen, certificateExpiresAt: link.certificateExpiresAt() }
  }
  const known = () => ({ deviceId, assignment: assignment(), revision: memory.content.desired?.revision ?? 0 })

  /** A site that reconnects is not probed all at once: only cameras with work are looked at now. */
  function wakeForWork(): void {
    if (book.unsettled().length > 0) wakeUp.wake()
  }

  function releasePackages(): void {
    const wanted = book.unsettled().flatMap((entry) => (entry.package ? [entry.package.packageId] : []))
    leases.keepOnly(new Set(wanted))
  }

  async function look(signal: AbortSignal): Promise<Observation> {
    const probing = place.isGranted ? null : await enterQueue(probes, siteId(), signal)
    try {
      observation = await link.observe(signal)
    } finally {
      probing?.release()
    }
    search.noteLook(camera, observation)
    hasHint = false
    lookedAtMs = clock.monotonic()
    const isThisCamera = observation.kind !== 'blocked' || observation.reason !== 'identity-changed'
    if ((observation.kind === 'answered' || observation.hasAnswered) && isThisCamera) lastAnswerAtMs = lookedAtMs
    return observation
  }

  /** One look and at most one step. Gives the time until the next one, in milliseconds. */
  async function turn(signal: AbortSignal): Promise<number> {
    const wishBefore = memory.content.desired
    const seen = await look(signal)
    isListCurrent = memory.content.desired === wishBefore
    // The wish changed while the camera was read: what was read may be older than the wish.
    if (!isListCurrent) return 0
    if (!isConfirmed()) {
      clocks.clearAll()
      if (place.isGranted) place.giveUp()
      return probeEveryMs
    }
    if (seen.kind === 'answered') return work(seen, signal)
    if (seen.kind === 'blocked' && seen.endsWork) await book.fail(book.unsettled(), seen.error)
    else await expire(seen.error)
    if (book.begun().length > 0) return place.isGranted ? unreachableRetryMs : probeEveryMs
    place.giveUp()
    return probeEveryMs
  }

  async function work(seen: Extract<Observation, { kind: 'answered' }>, signal: AbortSignal): Promise<number> {
    await book.open(seen.apps)
    const planned = plan({
      desired: book.entries(),
      observed: seen.apps,
      memory: memory.content.apps,
      packagesOnDisk: leases.packageIds(),
      backingOff: clocks.backingOff(),
      downgrade: seen.can.downgrade,
      canTakeLicense: seen.can.takeLicense,
    })
    const settled = await book.settleBy(planned, seen.apps)
    for (const { appId } of settled) clocks.clear(appId)
    // After each finished wish the others of the site have their turn.
    if (settled.length > 0) {
      place.giveUp()
      reporting.tell()
    }
    if (!planned.next) {
      const retryInMs = clocks.nextRetryInMs()
      if (retryInMs === null) place.giveUp()
      return Math.min(probeEveryMs, retryInMs ?? probeEveryMs)
    }
    const hasPlace = place.ask()
    // waiting for a place uses up no deadline
    if (!hasPlace) clocks.clearAll()
    if (!hasPlace || !isConfirmed()) return probeEveryMs
    await step(planned.next, signal)
    return 0
  }

  async function step(next: Parameters<typeof runner.run>[0], signal: AbortSignal): Promise<void> {
    isListCurrent = false
    const isOver = new AbortController()
    const during = AbortSignal.any([signal, isOver.signal])
    void repeat(reporting.tell, { everyMs: tickMs, clock, signal: during })
    const looking = next.action.kind === 'download' ? keepLooking(during) : null
    try {
      await runner.run(next, signal)
    } finally {
      isOver.abort()
      // one conversation with a camera at a time
      await looking
      reporting.stepEnded(next.appId)
    }
  }

  /** While a package is on its way to this gateway the camera has nothing to do with it, and is looked at as ever. */
  async function keepLooking(signal: AbortSignal): Promise<void> {
    const lookAndTell = () => look(signal).then(() => reporting.tell())
    await repeat(lookAndTell, { everyMs: probeEveryMs, clock, signal }).catch((err: unknown) => {
      if (!signal.aborted) log.error({ deviceId, err }, 'Looking at a camera during a download broke off')
    })
  }

  /** A begun step's time runs on while the camera is away; what only waited goes on waiting. */
  async function expire(error: Error): Promise<void> {
    const begun = book.begun()
    const hasPlace = begun.length > 0 && place.ask()
    // waiting for a place uses up no deadline, whether or not the camera answers
    if (!hasPlace) clocks.clearAll()
    for (const { entry, attempt } of begun) {
      if (!attempt.error && (!hasPlace || runner.leftMs(entry.appId, attempt) > 0)) continue
      await book.fail([entry], error)
      clocks.clear(entry.appId)
    }
  }

  async function safeTurn(signal: AbortSignal): Promise<number> {
    try {
      return await turn(signal)
    } catch (error) {
      signal.throwIfAborted()
      log.error({ deviceId, err: error }, 'The work on a camera broke off and is begun again in a minute')
      place.giveUp()
      return probeEveryMs
    }
  }

  return {
    deviceId,
    known,
    async wish(desired) {
      const before = memory.content.desired
      const isOld = before?.assignment === desired.assignment && desired.revision < before.revision
      if (desired.assignment < assignment() || isOld) return
      if (!isDeepStrictEqual(before, desired)) {
        isListCurrent = false
        await memory.write({ desired })
        runner.reconsider()
      }
      reporting.tell({ anyway: true })
      wakeForWork()
    },
    async moveTo(next) {
      camera = next
      await link.moveTo(next)
      wakeUp.wake()
    },
    limitsChanged: runner.limitsChanged,
    wake: wakeUp.wake,
    alone: alone.run,
    sessionBegan() {
      reporting.tell({ anyway: true })
      wakeForWork()
    },
    retire() {
      isRetired = true
      runner.endDownload()
      wakeUp.wake()
    },
    async run({ firstLookInMs, signal }) {
      try {
        // What a killed gateway had begun may go on at the camera: that has the first places.
        if (book.begun().length > 0) place.ask()
        await wakeUp.wait(firstLookInMs, signal)
        while (!isRetired) {
          await alone.work()
          const waitMs = await safeTurn(signal)
          if (waitMs === 0 || isRetired) continue
          reporting.tell()
          releasePackages()
          await wakeUp.wait(waitMs, signal)
          const sinceLookMs = clock.monotonic() - lookedAtMs
          if (hasHint && sinceLookMs < hintGapMs) await clock.sleep(hintGapMs - sinceLookMs, signal)
        }
      } catch (error) {
        ignoreAbort(signal)(error)
      } finally {
        alone.end()
        place.giveUp()
        leases.keepOnly(new Set())
        await link.close()
      }
    },
  }
}
