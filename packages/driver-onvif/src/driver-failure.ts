import { DriverError, type DriverErrorCode } from '@ocelli/driver'
import { isUnknownApp, OnvifError } from '@ocelli/onvif'

/** Translates whatever a call threw; what is already a DriverError, and bugs, pass as they are. */
export function toDriverError(error: unknown): unknown {
  if (!(error instanceof OnvifError)) return error
  const code = codeOf(error)
  const isAxisLogin = code === 'credentials-refused' && error.realm?.startsWith('AXIS_')
  return driverError(code, error, isAxisLogin ? `${error.message} ${AXIS_USERS}` : error.message)
}

const AXIS_USERS =
  'This is an Axis camera, which keeps the users of ONVIF in a list of their own: make one there (System, Accounts, ONVIF), ' +
  'or add the camera with a user of its own, over VAPIX.'

/** A DriverError of a chosen code that keeps the camera's words. */
export function driverError(code: DriverErrorCode, cause: OnvifError, detail: string = cause.message): DriverError {
  return new DriverError(code, detail, { deviceCode: deviceCodeOf(cause), cause })
}

/** Whether the camera's own words are about a license: ONVIF has no code for that. */
export function isAboutLicense(words: string | null | undefined): boolean {
  return /licen[sc]e/i.test(words ?? '')
}

function codeOf(error: OnvifError): DriverErrorCode {
  switch (error.code) {
    case 'unreachable':
    case 'timeout':
    case 'cancelled':
    case 'credentials-refused':
    case 'certificate-changed':
    case 'bad-reply':
      return error.code
    case 'unsupported':
      // A login that only works in a way that ONVIF does not have, as for uploads without Digest.
      return error.httpStatus === 401 ? 'credentials-refused' : 'unsupported'
    case 'events-unsupported':
      return 'unsupported'
    case 'rejected':
      if (isUnknownApp(error)) return 'app-not-found'
      return error.retryable ? 'busy' : 'refused'
  }
}

function deviceCodeOf({ fault, httpStatus }: OnvifError): string | null {
  if (fault !== undefined) return [fault.code, ...fault.subcodes].join('/')
  return httpStatus === undefined ? null : `HTTP ${httpStatus}`
}
