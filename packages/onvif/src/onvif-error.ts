import { CameraHttpError } from '@ocelli/camera-http'

/** What went wrong, named by who or what is at fault. Stable: other code and stored errors depend on these words. */
export type OnvifErrorCode =
  | 'unreachable'
  | 'timeout'
  | 'credentials-refused'
  | 'unsupported'
  | 'rejected'
  | 'bad-reply'
  | 'certificate-changed'
  | 'cancelled'
  | 'events-unsupported'

/** A SOAP fault with its QNames reduced to local names: `Sender`, [`InvalidArgVal`, `UnknownId`]. */
export type SoapFault = { code: string; subcodes: string[]; reason: string }

export type OnvifErrorDetails = {
  cause?: unknown
  /** Whether the same call may succeed later without anybody changing anything. Default: by code. */
  retryable?: boolean
  fault?: SoapFault
  /** The status of the HTTP answer, where there was one. */
  httpStatus?: number
  /** How the camera called what it wanted a login for, where it was asked over HTTP; makers can be told by it. */
  realm?: string | undefined
}

const RETRYABLE: ReadonlySet<OnvifErrorCode> = new Set<OnvifErrorCode>(['unreachable', 'timeout'])

/** The one error this package throws for anything that a camera, a network or a caller's signal did. */
export class OnvifError extends Error {
  readonly code: OnvifErrorCode
  readonly retryable: boolean
  readonly fault: SoapFault | undefined
  readonly httpStatus: number | undefined
  readonly realm: string | undefined

  constructor(code: OnvifErrorCode, message: string, details: OnvifErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.name = 'OnvifError'
    this.code = code
    this.retryable = details.retryable ?? RETRYABLE.has(code)
    this.fault = details.fault
    this.httpStatus = details.httpStatus
    this.realm = details.realm
  }
}

/** Narrows an unknown to an `OnvifError`, of the given code when one is named. */
export function isOnvifError(error: unknown, code?: OnvifErrorCode): error is OnvifError {
  return error instanceof OnvifError && (code === undefined || error.code === code)
}

/** Whether the camera said that it does not know the app that was named (Sender/InvalidArgVal/UnknownId). */
export function isUnknownApp(error: unknown): boolean {
  return isOnvifError(error, 'rejected') && (error.fault?.subcodes.includes('UnknownId') ?? false)
}

/** An error of the HTTP below in the words of this package, with the realm of the login in use; anything else as it is. */
export function toOnvifError(error: unknown, realm: string | undefined): unknown {
  if (!(error instanceof CameraHttpError)) return error
  const { code, message, cause, retryable, httpStatus } = error
  return new OnvifError(code, message, { cause, retryable, realm, ...(httpStatus === undefined ? {} : { httpStatus }) })
}
