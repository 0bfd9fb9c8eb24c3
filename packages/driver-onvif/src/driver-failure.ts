import { DriverError, type DriverErrorCode } from '@ocelli/driver'
import { isUnknownApp, OnvifError } from '@ocelli/onvif'

/** What was being asked of the camera: the same refusal means different things for a license and for a package. */
export type Purpose = 'read' | 'upload' | 'license' | 'app'

const UPLOAD_STATUS: Record<number, DriverErrorCode> = {
  400: 'package-refused',
  411: 'package-refused',
  413: 'package-refused',
  415: 'incompatible',
  507: 'storage-full',
}

/** Runs a call of the ONVIF client and translates what it throws, once. Everything else passes as it is. */
export async function translated<Result>(purpose: Purpose, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call()
  } catch (error) {
    throw error instanceof OnvifError ? driverFailure(error, purpose) : error
  }
}

export function driverFailure(error: OnvifError, purpose: Purpose): DriverError {
  return new DriverError(codeOf(error, purpose), error.message, { deviceCode: deviceCodeOf(error), cause: error })
}

function codeOf(error: OnvifError, purpose: Purpose): DriverErrorCode {
  switch (error.code) {
    case 'rejected':
      return rejectionCode(error, purpose)
    case 'events-unsupported':
      return 'unsupported'
    case 'unsupported':
      return error.httpStatus === 401 ? 'credentials-refused' : 'unsupported'
    default:
      return error.code
  }
}

function rejectionCode(error: OnvifError, purpose: Purpose): DriverErrorCode {
  if (error.retryable) return 'busy'
  if (isUnknownApp(error)) return 'app-not-found'
  if (purpose === 'license' && error.httpStatus !== 403) return 'license-refused'
  if (purpose === 'upload') return UPLOAD_STATUS[error.httpStatus ?? 0] ?? 'refused'
  // The standard has no fault for a missing license; cameras say it in words.
  const isAboutLicense = /licen[cs]e/i.test(error.fault?.reason ?? '')
  return purpose === 'app' && isAboutLicense ? 'license-refused' : 'refused'
}

function deviceCodeOf({ fault, httpStatus }: OnvifError): string | null {
  if (fault !== undefined) {
    const names = [fault.code, ...fault.subcodes].join('/')
    return fault.reason === '' ? names : `${names}: ${fault.reason}`
  }
  return httpStatus === undefined ? null : `HTTP ${httpStatus}`
}
