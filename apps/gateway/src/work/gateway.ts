import { isDeepStrictEqual } from 'node:util'
import type { CameraResults, DesiredDevice, DownMessage, Welcome } from '@ocelli/contract'
import type { CameraMarks } from '../cameras/camera-marks.ts'
import type { Camera, CameraChange } from '../cameras/camera-store.ts'
import { createRefusedLogins } from '../cameras/refused-logins.ts'
import { createSiteRates } from '../packages/site-rates.ts'
import { createCameraLink } from './camera-link.ts'
import { createCameraSearch } from './camera-search.ts'
import { createCandidateProof } from './candidate-proof.ts'
import { openDeviceMemory } from './device-memory.ts'
import { createDeviceWorker, type DeviceWorker } from './device-worker.ts'
import type { Gateway, GatewayOptions } from './gateway-options.ts'
import { createIdentityRegistry } from './identity-registry.ts'
import { createLicenseDesk } from './license-desk.ts'
import { createPlatformLink } from './platform-link.ts'
import { createReporter } from './reporter.ts'
import { createSiteQueue } from './site-queue.ts'
import { createSiteShares } from './site-shares.ts'
import { ignoreAbort } from './wake-up.ts'

/** Cameras of one site that are looked at in the same moment, beside those at work. */
const maxProbesPerSite = 8
/** Looks after a start are spread over so much per camera, and a minute at most. */
const spreadPerCameraMs = 100
const wishOverdueMs = 30_000
const stopWithinMs = 4_500

type WorkMessage = Exclude<DownMessage, { kind: 'welcome' | 'hello-again' }>

interface Employed {
  worker: DeviceWorker
  /** Resolves when the worker has ended; never rejects. */
  ended: Promise<void>
  forget(): Promise<void>
}

/** Puts the gateway's parts together; nothing happens before `run`. */
export function createGateway(options: GatewayOptions): Gateway {
  const { stateFolder, channel, cameras, packages, drivers, clock, random, log, version } = options
  const { passwords, discovery = 'on', probeEveryMs = 60_000 } = options
  const uploads = createSiteRates(clock)
  const placesOf = (siteId: string) => shares.of(siteId)?.maxInFlight ?? 0
  const admission = createSiteQueue(placesOf, (siteId) => shares.loadChanged(siteId))
  const probes = createSiteQueue(() => maxProbesPerSite)
  const identities = createIdentityRegistry((cameraId) => workers.get(cameraId)?.worker.wake())
  const workers = new Map<string, Employed>()
  const shares = createSiteShares({
    counts: admission.counts,
    onChange: sharesChanged,
    tellWithin: (ms) => platform.beatWithin(ms),
  })
  let welcome: Welcome | null = null
  let stopSignal: AbortSignal = AbortSignal.abort()
  /** What happens to one device happens in order, so that a camera that returns does not meet its own end. */
  const changes = new Map<string, Promise<void>>()

  const platform = createPlatformLink({
    channel,
    clock,
    log,
    version,
    sealingKey: options.loginDesk?.publicKey,
    setsPasswords: options.passwords !== undefined,
    knownDevices: () => [...workers.values()].map(({ worker }) => worker.known()),
    sharesInUse: shares.inUse,
    onWelcome,
    onSessionLost: () => {
      welcome = null
    },
    onMessage: receive,
  })
  const refused = createRefusedLogins({ folder: stateFolder, clock })
  const proof = createCandidateProof({ drivers, refused, passwords, identities, clock, log })
  const rangesOf = (siteId: string) => shares.of(siteId)?.addressRanges ?? []
  const search = createCameraSearch({
    ...{ cameras, drivers, identities, proof, rangesOf, discovery, onMoved: moved, clock, log },
  })
  const reporter = createReporter({ stateFolder, clock, log, session: platform.session, send: platform.send })
  const licenses = createLicenseDesk({ clock, session: platform.session, send: platform.send })

  /** What fails for one device is told and does not keep the others from going on. */
  function inOrder(deviceId: string, job: () => Promise<void>): void {
    const done = (changes.get(deviceId) ?? Promise.resolve())
      .then(job)
      .catch((error: unknown) => {
        if (!stopSignal.aborted) log.error({ deviceId, err: error }, 'A change of a camera could not be carried out')
      })
      .finally(() => {
        if (changes.get(deviceId) === done) changes.delete(deviceId)
      })
    changes.set(deviceId, done)
  }

  function sharesChanged(): void {
    packages.limitDownloads(shares.rates('downloadBytesPerSecond'))
    uploads.set(shares.rates('uploadBytesPerSecond'))
    admission.limitsChanged()
    for (const { worker } of workers.values()) worker.limitsChanged()
  }

  function onWelcome(message: Welcome): void {
    welcome = message
    shares.begin(message.sites)
    reporter.sessionBegan()
    for (const { worker } of workers.values()) worker.sessionBegan()
  }

  function receive(message: WorkMessage): void {
    switch (message.kind) {
      case 'desired':
        for (const device of message.devices) inOrder(device.deviceId, () => wish(device))
        return
      case 'budgets':
        shares.take(message.sites)
        return
      case 'unassigned':
        for (const deviceId of message.deviceIds) inOrder(deviceId, () => dismiss(deviceId, { andCamera: true }))
        return
      case 'ack':
        reporter.acknowledge(message.acks)
        return
      case 'camera-logins':
        options.loginDesk?.take(message.logins, { tell: tellResult, alone, signal: stopSignal })
        return
      case 'license':
        licenses.answered(message)
        return
    }
  }

  /** Lost without a session: the next one's platform sends the login again. */
  function tellResult(result: CameraResults['results'][number]): void {
    const session = platform.session()
    if (session !== null) void platform.send({ kind: 'camera-results', session, results: [result] })
  }

  /** The worker goes on with the record that the job leaves, however long the news of it may take. */
  function alone<Value>(deviceId: string, job: () => Promise<Value>): Promise<Value> {
    const worker = workers.get(deviceId)?.worker
    if (!worker) return job()
    const takeUp = async () => {
      const camera = cameras.get(deviceId)
      if (camera) await worker.moveTo(camera)
    }
    return worker.alone(() => job().finally(takeUp))
  }

  async function wish(device: DesiredDevice): Promise<void> {
    const employed = workers.get(device.deviceId)
    if (employed) await employed.worker.wish(device)
    else log.warn({ deviceId: device.deviceId }, 'The platform names a camera that this gateway does not have')
  }

  async function employ(camera: Camera, firstLookInMs: number): Promise<void> {
    const { deviceId } = camera
    if (stopSignal.aborted || workers.has(deviceId)) return
    const memory = await openDeviceMemory({ stateFolder, deviceId, log })
    const { isConfirmed } = platform
    const onMoved = (address: string) => moved(deviceId, address)
    const isReplaced = () => search.replacementOf(deviceId) !== null
    const onMarks = (marks: CameraMarks) => inOrder(deviceId, () => remember(deviceId, marks))
    const worker = createDeviceWorker({
      ...{
        camera,
        memory,
        admission,
        placesOf,
        probeEveryMs,
        probes,
        licenses,
        packages,
        uploads,
        search,
        isConfirmed,
        clock,
        log,
      },
      report: reporter.submit,
      createLink: (onHint) =>
        createCameraLink({
          ...{ camera, drivers, refused, passwords, identities, clock, log, onHint, onMoved, isReplaced, onMarks },
        }),
    })
    const ended = worker.run({ firstLookInMs, signal: stopSignal }).catch((error: unknown) => {
      log.error({ deviceId, err: error }, 'The work on a camera has ended unexpectedly')
    })
    const forget = async () => {
      await memory.forget()
      await reporter.forget(deviceId)
    }
    workers.set(deviceId, { worker, ended, forget })
  }

  function moved(deviceId: string, address: string): void {
    inOrder(deviceId, () => takeOver(deviceId, address))
  }

  async function remember(deviceId: string, marks: CameraMarks): Promise<void> {
    const camera = cameras.get(deviceId)
    if (!camera || isDeepStrictEqual(camera.marks, marks)) return
    await cameras.change(deviceId, (now) => ({ ...now, marks }))
  }

  /** The record's change comes back as `cameraChanged`, which moves the worker; identity is proved there as anywhere. */
  async function takeOver(deviceId: string, address: string): Promise<void> {
    const camera = cameras.get(deviceId)
    if (!camera || camera.address === address) return
    log.info({ deviceId, from: camera.address, to: address }, 'A camera was found at another address')
    await cameras.change(deviceId, (now) => ({ ...now, address }))
  }

  /** Lets the running step finish, then forgets everything about the device. */
  async function dismiss(deviceId: string, { andCamera }: { andCamera: boolean }): Promise<void> {
    const employed = workers.get(deviceId)
    if (!employed) return
    employed.worker.retire()
    await employed.ended
    if (stopSignal.aborted) return
    workers.delete(deviceId)
    search.forget(deviceId)
    await employed.forget()
    log.info({ deviceId }, 'A camera is no longer worked on by this gateway')
    if (!andCamera) return
    await passwords?.forget(deviceId)
    await cameras.remove(deviceId)
  }

  async function cameraChanged(change: CameraChange): Promise<void> {
    if (change.kind === 'removed') return dismiss(change.deviceId, { andCamera: false })
    const { before } = change
    const employed = workers.get(change.deviceId)
    if (employed && before && isDeepStrictEqual({ ...before, marks: change.camera.marks }, change.camera)) return
    // News that waited for its turn may be old: the login that counts now is the one that may be tried.
    const camera = cameras.get(change.deviceId)
    if (!camera) return
    if (employed) await employed.worker.moveTo(camera)
    else await employ(camera, 0)
    const known = workers.get(camera.deviceId)?.worker.known()
    if (known && !platform.isConfirmed(camera.deviceId, known.assignment)) platform.greetAgain()
  }

  /** A wish that the welcome announced may have been lost on the way: a new hello brings it again. */
  async function missWishes(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const before: Welcome | null = welcome
      await clock.sleep(wishOverdueMs, signal).catch(ignoreAbort(signal))
      if (!before || before !== welcome) continue
      const isMissing = before.assignments.some(({ deviceId, assignment, revision }) => {
        const known = workers.get(deviceId)?.worker.known()
        return known && (known.assignment < assignment || known.revision < revision)
      })
      if (isMissing || shares.hasGap()) platform.greetAgain()
    }
  }

  return {
    async run(signal) {
      const failure = new AbortController()
      let parts: Promise<unknown> = Promise.resolve()
      stopSignal = AbortSignal.any([signal, failure.signal])
      const endListening = cameras.onChange((change) => inOrder(change.deviceId, () => cameraChanged(change)))
      const endTelling = passwords?.onSettled(tellResult)
      try {
        const known = cameras.list()
        const spreadMs = Math.min(probeEveryMs, known.length * spreadPerCameraMs)
        for (const camera of known) await employ(camera, random() * spreadMs)
        parts = Promise.all([
          platform.run(stopSignal),
          reporter.run(stopSignal),
          missWishes(stopSignal),
          search.run(stopSignal),
        ])
        await Promise.race([parts, whenAborted(stopSignal)])
      } finally {
        failure.abort()
        endListening()
        endTelling?.()
        await endOfWork(parts)
      }
    },
  }

  /** Waits for what runs to end, but not for a disk or a driver that hangs. */
  async function endOfWork(parts: Promise<unknown>): Promise<void> {
    const hasEnded = new AbortController()
    const ended = Promise.allSettled([parts, ...[...workers.values()].map((employed) => employed.ended)])
    await Promise.race([ended, clock.sleep(stopWithinMs, hasEnded.signal).catch(() => undefined)])
    hasEnded.abort()
    log.info({}, 'The work has ended')
  }
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
