import { DriverError, type DriverTable } from '@ocelli/driver'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { LeftBehindError, withDeadline } from '../work/step-deadline.ts'
import type { Camera } from './camera-store.ts'
import type { RefusedLogins } from './refused-logins.ts'
import type { Login } from './same-login.ts'

/**
 * What a camera says to a login. `closed`: it was refused a short time ago and is not tried. `refused` tells how many refused logins
 * of the camera's lockout it cost. `no-answer`: nothing is known of the login.
 */
export type Trial =
  | { kind: 'accepted' }
  | { kind: 'closed' }
  | { kind: 'refused'; cost: number; error: DriverError }
  | { kind: 'no-answer'; error: Error }

export interface LoginTrialTools {
  drivers: DriverTable
  refused: RefusedLogins
  clock: Clock
}

export const callTimeoutMs = 60_000
/** What a driver may use up that does not count. */
const mostRefusals = 2

/** Opens a camera's driver with a login, for one call that reads or changes it, and closes it. */
export async function withDriver<Result>(
  { camera, login, drivers, clock, signal }: Pick<LoginTrialTools, 'drivers' | 'clock'> & WithDriver,
  call: (driver: Awaited<ReturnType<typeof openDriver>>, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const driver = await openDriver(camera, { login, drivers })
  const timeoutError = () => new DriverError('timeout', `${camera.address} did not answer within a minute.`)
  try {
    return await withDeadline({ clock, timeoutMs: callTimeoutMs, signal, timeoutError }, (bounded) =>
      call(driver, bounded),
    )
  } finally {
    await driver.close()
  }
}

interface WithDriver {
  camera: Camera
  login: Login
  signal: AbortSignal
}

async function openDriver(camera: Camera, { login, drivers }: { login: Login; drivers: DriverTable }) {
  const module = await drivers[camera.driver]?.()
  if (!module) throw new GatewayError('not-found', `This gateway has no driver ${camera.driver}.`)
  const { address, tls } = camera
  return module.open({ address, credentials: login, tls })
}

/** Logs in once, with the count of refused logins kept. Throws only the signal's reason. */
export async function tryLogin(
  camera: Camera,
  login: Login,
  tools: LoginTrialTools & { signal: AbortSignal },
): Promise<Trial> {
  const { refused, signal } = tools
  const { deviceId, address } = camera
  const place = { address, deviceId }
  if ((await refused.closedForMs(place, login)) > 0) return { kind: 'closed' }
  let cost = mostRefusals
  try {
    const answering = await withDriver({ ...tools, camera, login }, async (driver, bounded) => {
      try {
        return (await driver.readIdentity({ signal: bounded })).deviceId
      } finally {
        cost = driver.refusedLogins ?? mostRefusals
      }
    })
    if (answering !== deviceId) return { kind: 'no-answer', error: anotherCamera(camera) }
    await refused.accepted(place, login)
    return { kind: 'accepted' }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof DriverError && error.code === 'credentials-refused') {
      await refused.note(place, login)
      return { kind: 'refused', cost, error }
    }
    return { kind: 'no-answer', error: asError(error) }
  }
}

export const anotherCamera = ({ deviceId, address }: Camera) =>
  new GatewayError('identity-changed', `Another camera answers at ${address}; the login of ${deviceId} stays.`)

function asError(error: unknown): Error {
  if (error instanceof LeftBehindError)
    return new DriverError('timeout', 'The camera did not answer.', { cause: error })
  return error instanceof Error ? error : new Error(String(error))
}
