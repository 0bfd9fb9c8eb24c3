/** What went wrong between us and a camera, below its protocol. Stable: drivers translate these words. */
export type CameraHttpErrorCode =
  | 'unreachable'
  | 'timeout'
  | 'credentials-refused'
  | 'unsupported'
  | 'rejected'
  | 'bad-reply'
  | 'certificate-changed'
  | 'cancelled'

export type CameraHttpErrorDetails = {
  cause?: unknown
  /** Whether the same call may succeed later without anybody changing anything. Default: by code. */
  retryable?: boolean
  /** The status of the HTTP answer, where there was one. */
  httpStatus?: number
}

const RETRYABLE: ReadonlySet<CameraHttpErrorCode> = new Set<CameraHttpErrorCode>(['unreachable', 'timeout'])

/** The one error this package throws for anything that a camera, a network or a caller's signal did. */
export class CameraHttpError extends Error {
  readonly code: CameraHttpErrorCode
  readonly retryable: boolean
  readonly httpStatus: number | undefined

  constructor(code: CameraHttpErrorCode, message: string, details: CameraHttpErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.name = 'CameraHttpError'
    this.code = code
    this.retryable = details.retryable ?? RETRYABLE.has(code)
    this.httpStatus = details.httpStatus
  }
}

/** The error for an aborted signal: a deadline that ran out reads as `timeout`, everything else as `cancelled`. */
export function cancellation(signal: AbortSignal): CameraHttpError {
  const isDeadline = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError'
  return isDeadline
    ? new CameraHttpError('timeout', 'The time given for this camera call ran out.', { cause: signal.reason })
    : new CameraHttpError('cancelled', 'The camera call was cancelled.', { cause: signal.reason })
}
