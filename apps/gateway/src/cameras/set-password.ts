import { DriverError, type DriverErrorCode } from '@ocelli/driver'
import { GatewayError } from '../state/gateway-error.ts'
import type { Camera, CameraStore } from './camera-store.ts'
import { anotherCamera, type LoginTrialTools, tryLogin, withDriver } from './login-trial.ts'
import type { Answer, PasswordChanges, Settled } from './password-changes.ts'
import { isSameLogin, type Login } from './same-login.ts'

export interface SetPasswordOptions extends LoginTrialTools {
  deviceId: string
  /** Of the request; the change is known by it as long as it is open. */
  loginId: string
  login: Login & { allowHttp: boolean }
  cameras: CameraStore
  passwords: PasswordChanges
  signal: AbortSignal
}

/** With these the camera has answered the request, and says that it did not do it. */
const refusals: readonly DriverErrorCode[] = ['password-refused', 'refused', 'unsupported']

/** It is not known whether the new password counts; the change stays open, and `cause` says what was seen last. */
export class PasswordInDoubtError extends Error {
  override readonly name = 'PasswordInDoubtError'
}

/**
 * Gives the user that this gateway logs in to a camera as a new password, and keeps it when a login with it was accepted. For whoever
 * has the camera for himself. Resolves when the new one counts. Throws DriverError or GatewayError when the one before does, and
 * PasswordInDoubtError when nobody knows. Asked for again with what counts already, it proves that.
 */
export async function setPassword(options: SetPasswordOptions): Promise<void> {
  const { deviceId, loginId, cameras, passwords, signal } = options
  const isOwn = passwords.loginIdOf(deviceId) === loginId
  const earlier = await passwords.settle(deviceId, { signal })
  if (isOwn) return conclude(earlier)
  if (earlier.kind === 'open') {
    const detail = 'It is not known yet whether an earlier new password counts on this camera. Try again when it is.'
    throw new GatewayError('password-in-doubt', detail, { cause: earlier.error })
  }
  const camera = cameras.get(deviceId)
  if (!camera) throw new GatewayError('not-found', `This gateway has no camera ${deviceId}.`)
  const before = checkLogin(camera, options.login)
  const { user, password } = options.login
  const wanted = { user, password }
  if (isSameLogin(before, wanted)) return await proveAgain(camera, wanted, options)
  const answer = await send({ camera, before, wanted }, options)
  conclude(await passwords.settle(deviceId, { signal, answer }))
}

function conclude(settled: Settled): void {
  if (settled.kind === 'open') throw new PasswordInDoubtError(settled.error.message, { cause: settled.error })
  if (settled.kind === 'settled' && settled.error) throw settled.error
}

function checkLogin({ address, credentials }: Camera, { user, allowHttp }: SetPasswordOptions['login']): Login {
  if (credentials === null || credentials.user !== user) {
    const detail = 'The gateway logs in to this camera as another user than the one that was named. Name that one.'
    throw new GatewayError('user-differs', detail)
  }
  if (address.startsWith('https:') || allowHttp) return credentials
  const detail =
    'The camera is reached without TLS, so its network could read the new password. Claim it by its https address, or allow it.'
  throw new GatewayError('needs-tls', detail)
}

/** What came of a password that this gateway has stored already, as when its result was lost and it is asked for again. */
async function proveAgain(camera: Camera, login: Login, options: SetPasswordOptions): Promise<void> {
  const trial = await tryLogin(camera, login, options)
  if (trial.kind === 'accepted') return
  if (trial.kind !== 'closed') throw trial.error
  await options.refused.check({ address: camera.address, deviceId: camera.deviceId }, login)
}

interface Sending {
  camera: Camera
  before: Login
  wanted: Login
}

/** Throws what kept the password from being sent. */
async function send({ camera, before, wanted }: Sending, options: SetPasswordOptions): Promise<Answer> {
  const { deviceId, loginId, passwords, refused, signal } = options
  const place = { address: camera.address, deviceId }
  await refused.check(place, before)
  try {
    await withDriver({ ...options, camera, login: before }, async (driver, bounded) => {
      if ((await driver.readIdentity({ signal: bounded })).deviceId !== deviceId) throw anotherCamera(camera)
      if (!driver.setPassword) throw new DriverError('unsupported', 'This protocol cannot set passwords.')
      const beforeSending = async () => {
        await passwords.begin(deviceId, { loginId, before, wanted })
        // Whoever waited for this call may have gone: then it must not be made any more.
        bounded.throwIfAborted()
      }
      await driver.setPassword({ password: wanted.password, beforeSending }, { signal: bounded })
    })
    return { kind: 'taken' }
  } catch (error) {
    if (error instanceof DriverError && error.code === 'credentials-refused') await refused.note(place, before)
    signal.throwIfAborted()
    if (!passwords.isOpen(deviceId)) throw error
    const isRefusal = error instanceof DriverError && refusals.includes(error.code)
    return isRefusal ? { kind: 'refused', error } : { kind: 'none' }
  }
}
