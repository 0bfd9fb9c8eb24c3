import { type CameraTarget, DriverError, type PasswordChange } from '@ocelli/driver'
import { isOnvifError, type OnvifClient } from '@ocelli/onvif'
import { driverError } from './driver-failure.ts'
import { type PasswordRules, whyNotAllowed } from './password-rules.ts'

type Login = NonNullable<CameraTarget['credentials']>

/** SetUser for the user of the login, with the level that GetUsers tells. The rules that the camera tells are kept to. */
export async function setPassword(
  { password, beforeSending }: PasswordChange,
  { client, login, signal }: { client: OnvifClient; login: Login | null; signal: AbortSignal },
): Promise<void> {
  if (login === null) throw new DriverError('credentials-refused', 'A password is set by the user whose it is.')
  const broken = whyNotAllowed(password, { user: login.user, rules: await readRules(client, signal) })
  if (broken !== null) throw new DriverError('password-refused', broken)
  const user = (await client.getUsers({ signal })).find(({ name }) => name === login.user)
  if (user === undefined) {
    const detail = 'The camera does not list this user among those of ONVIF: set its password in the web page.'
    throw new DriverError('unsupported', detail)
  }
  await beforeSending()
  try {
    await client.setUser({ ...user, password }, { signal })
  } catch (error) {
    throw toPasswordError(error)
  }
}

async function readRules(client: OnvifClient, signal: AbortSignal): Promise<PasswordRules> {
  const { areFixed, maxPasswordLength, tellsComplexity } = await client.getUserCapabilities({ signal })
  if (areFixed) {
    const detail = 'The camera does not let its users be changed over ONVIF: set the password in its web page.'
    throw new DriverError('unsupported', detail)
  }
  return { maxLength: maxPasswordLength, complexity: tellsComplexity ? await complexityOf(client, signal) : null }
}

/** A camera that announces its rules and cannot tell them says with SetUser what it thinks of a password. */
async function complexityOf(client: OnvifClient, signal: AbortSignal) {
  try {
    return await client.getPasswordComplexity({ signal })
  } catch (error) {
    if (isOnvifError(error, 'unsupported') || isOnvifError(error, 'rejected')) return null
    throw error
  }
}

/** Faults of SetUser: ONVIF Core, Security. A bare OperationProhibited is what cameras answer for a password used before. */
function toPasswordError(error: unknown): unknown {
  if (!isOnvifError(error, 'rejected') || error.fault === undefined) return error
  const { subcodes, reason } = error.fault
  const words = reason === '' ? subcodes.join('/') : reason
  if (subcodes.includes('FixedUser')) {
    return driverError('refused', error, `The camera does not let the password of this user be changed: ${words}.`)
  }
  if (subcodes.includes('OperationProhibited')) {
    const plain = words.replace(/\.$/, '')
    return driverError('password-refused', error, `The camera does not take the new password: ${plain}.`)
  }
  return error
}
