import { CameraHttpError } from '@ocelli/camera-http'
import { DriverError, type DriverErrorCode } from '@ocelli/driver'

/** Translates whatever a call threw; what is already a DriverError, and bugs, pass as they are. */
export function toDriverError(error: unknown): unknown {
  if (!(error instanceof CameraHttpError)) return error
  const deviceCode = error.httpStatus === undefined ? null : `HTTP ${error.httpStatus}`
  return new DriverError(codeOf(error), sentenceOf(error), { deviceCode, cause: error })
}

/** Whether the camera asked for a login and none was accepted: by its users, or because there are none yet. */
export function isLoginFailure(error: unknown): boolean {
  if (error instanceof DriverError) return error.code === 'credentials-refused'
  return error instanceof CameraHttpError && (error.code === 'credentials-refused' || isUnsafeLogin(error))
}

export function needsFirstPassword(cause: unknown): DriverError {
  const detail =
    'The camera is as it left the factory: it has no user yet. Set its first password, here or in its own web page, before anything else.'
  return new DriverError('needs-first-password', detail, { cause })
}

const isUnsafeLogin = ({ code, httpStatus }: CameraHttpError) => code === 'unsupported' && httpStatus === 401

function codeOf(error: CameraHttpError): DriverErrorCode {
  if (error.code !== 'rejected') return error.code
  return error.retryable ? 'busy' : 'refused'
}

function sentenceOf({ code, message }: CameraHttpError): string {
  if (code !== 'credentials-refused') return message
  return `${message} The user must be an administrator of the camera: Axis cameras answer others as if their password were wrong.`
}
