import { type CameraTarget, DriverError, type DriverTable } from '@ocelli/driver'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { CameraStore } from './camera-store.ts'
import { createRefusedLogins } from './refused-logins.ts'

const loginTimeoutMs = 60_000

/**
 * Logs in to a camera of this gateway with another user name and password, and keeps them when the same camera has answered.
 * Throws DriverError (camera), `not-found` or `identity-changed`; then those before stay.
 */
export async function changeCredentials(options: {
  deviceId: string
  credentials: NonNullable<CameraTarget['credentials']>
  /**
   * The two refused logins that may count are the gateway's own, which asks in every window which of two passwords the camera
   * takes: only the login that a person names ends that.
   */
  endsDoubt: boolean
  cameras: CameraStore
  drivers: DriverTable
  folder: StateFolder
  clock: Clock
  signal: AbortSignal
}): Promise<void> {
  const { deviceId, credentials, endsDoubt, cameras, drivers, folder, clock, signal } = options
  const camera = cameras.get(deviceId)
  if (!camera) throw new GatewayError('not-found', `This gateway has no camera ${deviceId}.`)
  const module = await drivers[camera.driver]?.()
  if (!module) throw new GatewayError('not-found', `This gateway has no driver ${camera.driver}.`)
  const { address, tls } = camera
  const place = { address, deviceId }
  const refused = createRefusedLogins({ folder, clock })
  await (endsDoubt ? refused.check(place, credentials) : refused.checkNew(place, credentials))
  const driver = module.open({ address, credentials, tls })
  const enough = AbortSignal.timeout(loginTimeoutMs)
  try {
    const { deviceId: answering } = await driver.readIdentity({ signal: AbortSignal.any([signal, enough]) })
    if (answering !== deviceId) {
      throw new GatewayError(
        'identity-changed',
        `Another camera answers at ${address}; the login of ${deviceId} stays.`,
      )
    }
  } catch (error) {
    if (error instanceof DriverError && error.code === 'credentials-refused') await refused.note(place, credentials)
    signal.throwIfAborted()
    if (!enough.aborted) throw error
    throw new DriverError('timeout', `${address} did not answer within a minute.`, { cause: error })
  } finally {
    await driver.close()
  }
  await refused.accepted(place, credentials)
  await cameras.change(deviceId, (now) => ({ ...now, credentials }))
}
