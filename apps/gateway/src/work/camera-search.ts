import type { FoundCamera } from '@ocelli/contract'
import {
  type DiscoverOptions,
  type DriverModule,
  type DriverTable,
  discoverCameras,
  type Finding,
  mergeFindings,
} from '@ocelli/driver'
import { compareMarks, placeOf } from '../cameras/camera-marks.ts'
import type { Camera, CameraStore } from '../cameras/camera-store.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import type { CandidateProof } from './candidate-proof.ts'
import { toFoundCamera } from './found-camera.ts'
import type { DiscoveryMode } from './gateway-options.ts'
import type { IdentityRegistry } from './identity-registry.ts'
import type { Observation } from './observation.ts'
import { createWakeUp, ignoreAbort } from './wake-up.ts'

/** One look that fails may be a cable; the second one comes a minute later. */
const looksUntilMissing = 2
const minuteMs = 60_000
const gapsMs = [5, 10, 20, 30].map((minutes) => minutes * minuteMs)
/** A long range is not asked all the time: the wait is so many times what the asking took. */
const restFactor = 4
const idleMs = 60 * minuteMs

/** Looks for cameras that are not found at their address; see docs/gateway-states.md, "A camera that is not where it was". */
export interface CameraSearch {
  /** What came of a look at a camera's own address. */
  noteLook(camera: Camera, observation: Observation): void
  /** Another camera that is at this camera's address; null when there is none. */
  replacementOf(deviceId: string): FoundCamera | null
  forget(deviceId: string): void
  /** Searches when cameras are missing, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

export interface CameraSearchOptions {
  cameras: Pick<CameraStore, 'get' | 'list'>
  drivers: DriverTable
  identities: Pick<IdentityRegistry, 'seenAt'>
  proof: CandidateProof
  /** Address ranges of a site, as the platform has them. */
  rangesOf: (siteId: string) => readonly string[]
  discovery: DiscoveryMode
  /** A camera's identity was read at another address. */
  onMoved: (deviceId: string, address: string) => void
  clock: Clock
  log: Log
}

interface Missing {
  looks: number
  searches: number
  dueAtMs: number
  /** The identity that was read at its address, with its own login. */
  strangerId: string | null
  replacement: FoundCamera | null
}

export function createCameraSearch(options: CameraSearchOptions): CameraSearch {
  const { cameras, drivers, identities, proof, rangesOf, discovery, onMoved, clock, log } = options
  const missing = new Map<string, Missing>()
  const wakeUp = createWakeUp(clock)
  let restUntilMs = Number.NEGATIVE_INFINITY

  function noteLook(camera: Camera, observation: Observation): void {
    const { deviceId } = camera
    if (isThere(observation)) return void missing.delete(deviceId)
    const before = missing.get(deviceId)
    const isAnother = observation.kind === 'blocked' && observation.reason === 'identity-changed'
    const strangerId = isAnother ? identities.seenAt(camera.address) : null
    const isSilent = observation.kind === 'away' && !observation.hasAnswered
    const known = isSilent ? null : (before?.replacement ?? null)
    missing.set(deviceId, {
      looks: (before?.looks ?? 0) + 1,
      searches: before?.searches ?? 0,
      dueAtMs: before?.dueAtMs ?? clock.monotonic(),
      strangerId,
      replacement: strangerId === null ? known : toFoundCamera(camera.address, { strangerId, known }),
    })
    wakeUp.wake()
  }

  const isMissing = (deviceId: string): boolean => (missing.get(deviceId)?.looks ?? 0) >= looksUntilMissing

  function missingCameras(): Camera[] {
    return cameras.list().filter(({ deviceId }) => isMissing(deviceId))
  }

  function dueInMs(): number {
    const due = missingCameras().map(({ deviceId }) => missing.get(deviceId)?.dueAtMs ?? 0)
    if (due.length === 0) return idleMs
    return Math.max(0, Math.max(Math.min(...due), restUntilMs) - clock.monotonic())
  }

  async function search(signal: AbortSignal): Promise<void> {
    const sought = missingCameras()
    const beganAtMs = clock.monotonic()
    log.info({ cameras: sought.length }, 'Cameras that do not answer at their address are looked for')
    const modules = await loadAll()
    let findings: Finding[] = []
    for (const where of placesToLook(sought)) {
      findings = mergeFindings([...findings, ...(await look(modules, { ...where, signal, skip: isSpokenWith }))])
      for (const camera of sought) if (isMissing(camera.deviceId)) await weigh(camera, { findings, signal })
      if (!sought.some(({ deviceId }) => isMissing(deviceId))) break
    }
    const nowMs = clock.monotonic()
    restUntilMs = nowMs + (nowMs - beganAtMs) * restFactor
    for (const { deviceId } of sought) {
      const entry = missing.get(deviceId)
      if (!entry) continue
      entry.dueAtMs = nowMs + (gapsMs[Math.min(entry.searches, gapsMs.length - 1)] ?? idleMs)
      entry.searches += 1
    }
  }

  async function loadAll(): Promise<DriverModule[]> {
    return await Promise.all(Object.values(drivers).map((load) => load()))
  }

  /** A camera that listened on a port of its own still does. */
  function rangesFor({ siteId, address }: Camera): string[] {
    const { port } = new URL(address)
    return rangesOf(siteId).flatMap((range) =>
      port === '' || range.includes(':') ? [range] : [range, `${range}:${port}`],
    )
  }

  /** The local networks and what is now at the cameras' addresses first; then the ranges, one after the other. */
  function placesToLook(sought: readonly Camera[]): Pick<DiscoverOptions, 'multicast' | 'ranges'>[] {
    const ranges = new Set(sought.flatMap(rangesFor))
    const own = [...new Set(sought.map(({ address }) => placeOf(address)))]
    return [
      { multicast: discovery === 'on', ranges: own },
      ...[...ranges].map((range) => ({ multicast: false, ranges: [range] })),
    ]
  }

  async function look(modules: readonly DriverModule[], where: DiscoverOptions): Promise<Finding[]> {
    try {
      const { findings, failures } = await discoverCameras(modules, where)
      for (const { driver, error } of failures) log.warn({ driver, err: error }, 'Looking for cameras broke off')
      return findings
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      log.warn({ ranges: where.ranges, err: error }, 'An address range of the site cannot be used')
      return []
    }
  }

  /** A camera that is at work is not disturbed: some have a single connection. */
  function isSpokenWith(address: string): boolean {
    const place = placeOf(address)
    return cameras.list().some((camera) => placeOf(camera.address) === place && !missing.has(camera.deviceId))
  }

  async function weigh(
    camera: Camera,
    { findings, signal }: { findings: readonly Finding[]; signal: AbortSignal },
  ): Promise<void> {
    const place = placeOf(camera.address)
    const here = findings.find(({ addresses }) => addresses.some((address) => placeOf(address) === place))
    const verdict = here ? compareMarks(camera, here) : null
    const entry = missing.get(camera.deviceId)
    if (!entry) return
    const { strangerId } = entry
    if (here && (verdict === 'other' || strangerId !== null)) {
      entry.replacement = toFoundCamera(camera.address, { strangerId, known: null, finding: here })
    }
    // It shows itself where it was: what keeps it from being used is something else.
    if (verdict === 'same' && strangerId === null) return
    const candidates = findings.filter((finding) => finding !== here && compareMarks(camera, finding) === 'same')
    const proved = await proof.addressesOf(camera, { candidates, signal })
    const [address, second] = proved
    if (address === undefined) return
    if (second !== undefined) {
      log.warn({ deviceId: camera.deviceId, proved }, 'Several cameras answer with one identity; none is taken over')
      return
    }
    if (!isMissing(camera.deviceId) || cameras.get(camera.deviceId)?.address !== camera.address) return
    missing.delete(camera.deviceId)
    onMoved(camera.deviceId, address)
  }

  return {
    noteLook,
    replacementOf: (deviceId) => missing.get(deviceId)?.replacement ?? null,
    forget: (deviceId) => void missing.delete(deviceId),
    async run(signal) {
      if (discovery === 'off') return
      while (!signal.aborted) {
        const waitMs = dueInMs()
        if (waitMs > 0) await wakeUp.wait(waitMs, signal).catch(ignoreAbort(signal))
        else await search(signal).catch(reportUnlessAborted(signal))
      }
    },
  }

  function reportUnlessAborted(signal: AbortSignal): (error: unknown) => void {
    return (error) => {
      if (signal.aborted) return
      restUntilMs = clock.monotonic() + 5 * minuteMs
      log.error({ err: error }, 'The search for cameras broke off and is begun again in five minutes')
    }
  }
}

/** Whether the look proves that the camera is at its address, or that the address is not what is wrong. */
function isThere(observation: Observation): boolean {
  switch (observation.kind) {
    case 'answered':
      return true
    case 'away':
      return false
    case 'blocked':
      return ['identity-conflict', 'needs-first-password'].includes(observation.reason)
  }
}
