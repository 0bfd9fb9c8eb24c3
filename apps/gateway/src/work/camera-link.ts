import type { DeviceFacts } from '@ocelli/contract'
import { type CameraTarget, type Driver, DriverError, type DriverErrorCode, type DriverTable } from '@ocelli/driver'
import { type CameraMarks, marksOf } from '../cameras/camera-marks.ts'
import type { Camera } from '../cameras/camera-store.ts'
import { readEndpointReference } from '../cameras/endpoint-reference.ts'
import type { PasswordChanges } from '../cameras/password-changes.ts'
import type { LoginPlace, RefusedLogins } from '../cameras/refused-logins.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import { followHints } from './camera-hints.ts'
import type { IdentityRegistry } from './identity-registry.ts'
import { anotherCamera, blocked, classify, isAnotherCamera, type Observation, twoCameras } from './observation.ts'
import { LeftBehindError, withDeadline } from './step-deadline.ts'
import { WorkError } from './work-error.ts'

export interface CameraLinkOptions {
  camera: Camera
  drivers: DriverTable
  refused: RefusedLogins
  /** New passwords of which it is not known yet whether they count. */
  passwords?: Pick<PasswordChanges, 'isOpen' | 'settle'>
  identities: IdentityRegistry
  clock: Clock
  log: Log
  onHint: () => void
  /** The camera has answered at another address than its record's. */
  onMoved: (address: string) => void
  /** Another camera is at its address: what that one refuses says nothing of this one. */
  isReplaced: () => boolean
  /** By what the camera is recognized now, its identity proved. */
  onMarks: (marks: CameraMarks) => void
}

/** The way to one camera: opens its driver, proves its identity, and keeps refused passwords from being tried again. */
export interface CameraLink {
  /** Reads identity and apps. Never throws but for the signal's reason. */
  observe(signal: AbortSignal): Promise<Observation>
  /** A call that only reads. Throws what the driver throws. */
  read<Result>(call: (driver: Driver) => Promise<Result>): Promise<Result>
  /**
   * A call that may change the camera: goes only to a camera whose identity was proved just now over the same connection.
   * Throws what the driver throws, or `identity-changed`.
   */
  write<Result>(call: (driver: Driver) => Promise<Result>, options: { signal: AbortSignal }): Promise<Result>
  /** Gives up a connection on which a call hangs. */
  abandon(): Promise<void>
  certificateExpiresAt(): string | null
  /** A new address, password or pin: the next observation goes there. */
  moveTo(camera: Camera): Promise<void>
  close(): Promise<void>
}

interface Connection {
  driver: Driver
  place: LoginPlace
  /** Those it was opened with: a refusal that comes after a change is the old password's. */
  credentials: CameraTarget['credentials']
  hints: AbortController | null
  provedAtMs: number | null
}

const callTimeoutMs = 30_000
const closeTimeoutMs = 2_000
/** A license may be waited for minutes, in which a cable can be moved. */
const proofHoldsMs = 5_000
const misunderstandings: DriverErrorCode[] = ['bad-reply', 'unsupported', 'refused']
const detailsEveryMs = 5 * 60_000

export function createCameraLink(options: CameraLinkOptions): CameraLink {
  const { drivers, refused, passwords, identities, clock, log } = options
  let camera = options.camera
  let opened: Connection | null = null
  let details: { facts: DeviceFacts | null; clockOffsetMs: number | null; readAtMs: number } | null = null

  const placeOf = ({ address, deviceId }: Camera): LoginPlace => ({ address, deviceId })
  const targetOf = ({ address, credentials, tls }: Camera): CameraTarget => ({ address, credentials, tls })

  async function moduleOf({ driver }: Camera) {
    const load = drivers[driver]
    if (load) return load()
    const detail = `This gateway has no driver ${driver}.`
    throw new WorkError({ category: 'internal', code: 'driver-missing', detail, retryable: false })
  }

  async function open(): Promise<Connection> {
    if (opened) return opened
    const target = targetOf(camera)
    const driver = (await moduleOf(camera)).open(target)
    opened = { driver, place: placeOf(camera), credentials: target.credentials, hints: null, provedAtMs: null }
    return opened
  }

  async function close(): Promise<void> {
    const closing = opened
    opened = null
    closing?.hints?.abort()
    if (!closing) return
    const limits = { clock, timeoutMs: closeTimeoutMs, signal: new AbortController().signal, graceMs: 0 }
    const timeoutError = () => new Error('The driver did not close in time.')
    await withDeadline({ ...limits, timeoutError }, () => closing.driver.close()).catch((error: unknown) => {
      log.debug({ deviceId: camera.deviceId, err: error }, 'A driver did not close cleanly')
    })
  }

  async function noteRefusal({ place, credentials }: Connection): Promise<void> {
    await refused.note({ ...place, deviceId: options.isReplaced() ? null : place.deviceId }, credentials)
  }

  /** Every error passes here, so that no refused login goes uncounted and no stuck connection stays in use. */
  async function noteError(error: unknown, connection: Connection): Promise<void> {
    const isRefusal = error instanceof DriverError && error.code === 'credentials-refused'
    if (isRefusal) await noteRefusal(connection)
    if ((isRefusal || error instanceof LeftBehindError) && opened === connection) await close()
  }

  async function counted<Result>(connection: Connection, call: (driver: Driver) => Promise<Result>): Promise<Result> {
    try {
      return await call(connection.driver)
    } catch (error) {
      await noteError(error, connection)
      throw error
    }
  }

  const read = async <Result>(call: (driver: Driver) => Promise<Result>): Promise<Result> => counted(await open(), call)

  /** True when the camera at the other end of the connection is ours; forgets the proof when it is not. */
  async function prove(signal: AbortSignal): Promise<boolean> {
    const identity = await readInTime(signal, (driver, bounded) => driver.readIdentity({ signal: bounded }))
    identities.note(camera.deviceId, { deviceId: identity.deviceId, address: camera.address })
    const isOurs = identity.deviceId === camera.deviceId
    if (opened) opened.provedAtMs = isOurs ? clock.monotonic() : null
    return isOurs
  }

  /** The camera is not where its record says; another record may have come upon it, as after DHCP gave out new leases. */
  function follow(observation: Observation): Observation {
    const isElsewhere = observation.kind === 'away' ? !observation.hasAnswered : isAnotherCamera(observation)
    const seenAt = isElsewhere ? identities.lastSeenAt(camera.deviceId) : null
    if (seenAt !== null && seenAt !== camera.address) options.onMoved(seenAt)
    return observation
  }

  function readInTime<Result>(signal: AbortSignal, call: (driver: Driver, signal: AbortSignal) => Promise<Result>) {
    const timeoutError = () => new DriverError('unreachable', 'The camera did not answer within 30 seconds.')
    return read((driver) =>
      withDeadline({ clock, timeoutMs: callTimeoutMs, signal, timeoutError }, (bounded) => call(driver, bounded)),
    )
  }

  async function readDetails(signal: AbortSignal) {
    if (details && clock.monotonic() - details.readAtMs < detailsEveryMs) return details
    const facts = await optional(readInTime(signal, (driver, bounded) => driver.readFacts({ signal: bounded })))
    const clockOffsetMs = await optional(
      readInTime(signal, (driver, bounded) => driver.readClockOffset({ signal: bounded })),
    )
    const told = facts && { ...facts, appDowngrade: opened?.driver.capabilities.downgrade ?? null }
    details = { facts: told ?? details?.facts ?? null, clockOffsetMs, readAtMs: clock.monotonic() }
    const endpointReference = await readInTime(signal, readEndpointReference)
    options.onMarks(marksOf(facts, { endpointReference, before: camera.marks }))
    return details
  }

  async function look(signal: AbortSignal): Promise<Observation> {
    const { deviceId, address } = camera
    if (!(await prove(signal))) {
      return blocked('identity-changed', anotherCamera(address), { endsWork: false })
    }
    const rival = identities.rivalOf(deviceId)
    if (rival !== null) {
      return blocked('identity-conflict', twoCameras(address, rival), { endsWork: false })
    }
    const apps = await readInTime(signal, (driver, bounded) => driver.listApps({ signal: bounded }))
    const { facts, clockOffsetMs } = await readDetails(signal)
    if (opened && !opened.hints) opened.hints = startHints(opened)
    const can = await read(async ({ capabilities: { downgrade }, removeLicense }) => ({
      ...{ downgrade, takeLicense: removeLicense !== undefined },
    }))
    return { kind: 'answered', apps, facts, clockOffsetMs, can }
  }

  /**
   * A connection learns the camera's habits: how it wants to be logged in to, where its services are. An upgrade changes them, so
   * one that is not understood any more gives way to one that knows nothing, and the camera is asked once more.
   */
  async function lookAfresh(signal: AbortSignal): Promise<Observation> {
    const before = opened
    try {
      return await look(signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof DriverError) || !misunderstandings.includes(error.code)) throw error
      if (opened !== null) await close()
      if (before === null) throw error
      return await look(signal)
    }
  }

  function startHints(connection: Connection): AbortController {
    const hints = new AbortController()
    const onError = (error: unknown) => noteError(error, connection)
    void followHints({ driver: connection.driver, clock, signal: hints.signal, onHint: options.onHint, onError, log })
    return hints
  }

  /** Null when the login that the camera takes is known, if need be found out just now. */
  async function doubtAboutLogin(signal: AbortSignal): Promise<Observation | null> {
    if (!passwords?.isOpen(camera.deviceId)) return null
    await close()
    const settled = await passwords.settle(camera.deviceId, { signal })
    if (settled.kind === 'settled') camera = { ...camera, credentials: settled.login }
    return settled.kind === 'open' ? classify(settled.error) : null
  }

  /** While a password may not be tried, the camera is still asked whether it is there, without a login. */
  async function lookWithoutLogin(closedForMs: number, signal: AbortSignal): Promise<Observation> {
    const { probe } = await moduleOf(camera)
    const timeoutError = () => new DriverError('unreachable', 'The camera did not answer within 30 seconds.')
    const result = await withDeadline({ clock, timeoutMs: callTimeoutMs, signal, timeoutError }, (bounded) =>
      probe({ ...targetOf(camera), credentials: null }, { signal: bounded }),
    )
    if (!result.speaks) throw new DriverError('unreachable', result.detail)
    const detail =
      'The camera refused the user name or password. The same password is not tried again for ' +
      `${Math.ceil(closedForMs / 60_000)} minutes, so that the camera does not lock other users out.`
    return blocked('credentials-refused', new DriverError('credentials-refused', detail), { endsWork: true })
  }

  return {
    async observe(signal) {
      try {
        const doubt = await doubtAboutLogin(signal)
        if (doubt) return follow(doubt)
        const closedForMs = await refused.closedForMs(placeOf(camera), camera.credentials)
        return follow(await (closedForMs > 0 ? lookWithoutLogin(closedForMs, signal) : lookAfresh(signal)))
      } catch (error) {
        signal.throwIfAborted()
        const observation = classify(error)
        if (!observation.hasAnswered) identities.note(camera.deviceId, null)
        return follow(observation)
      }
    },
    read,
    async write(call, { signal }) {
      const proved = opened
      if (!proved || proved.provedAtMs === null) throw connectionClosed()
      const isFresh = clock.monotonic() - proved.provedAtMs < proofHoldsMs
      if (!isFresh && !(await prove(signal))) throw anotherCamera(camera.address)
      // The address or password has changed meanwhile: the next look proves that camera first.
      if (opened !== proved) throw connectionClosed()
      return counted(proved, call)
    },
    abandon: close,
    certificateExpiresAt: () => opened?.driver.certificate()?.expiresAt ?? null,
    async moveTo(next) {
      camera = next
      details = null
      identities.note(next.deviceId, null)
      await close()
    },
    async close() {
      identities.note(camera.deviceId, null)
      await close()
    },
  }
}

/** Facts and clock are worth having; a camera that cannot tell them can still run apps. */
async function optional<Value>(reading: Promise<Value>): Promise<Value | null> {
  try {
    return await reading
  } catch (error) {
    const isUnable = error instanceof DriverError && ['bad-reply', 'unsupported', 'refused'].includes(error.code)
    if (isUnable) return null
    throw error
  }
}

const connectionClosed = () => new DriverError('unreachable', 'The connection to the camera was closed.')
