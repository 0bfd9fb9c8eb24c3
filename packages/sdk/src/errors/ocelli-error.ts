/** Who is at fault, and so what to do. */
export type ErrorKind =
  /** The request is wrong; `fieldErrors` says where. 400, 413, 415, 416, 422. */
  | 'invalid-request'
  /** Credentials missing, wrong or revoked. 401. */
  | 'unauthenticated'
  /** `requiredPermission` is missing. 403. */
  | 'forbidden'
  /** Unknown, or another account's. 404. */
  | 'not-found'
  /** Understood, but not possible in this state. 409, 412. */
  | 'conflict'
  /** 429. */
  | 'too-many-requests'
  /** 408, an attempt that took too long, or the total deadline. */
  | 'timeout'
  /** The platform, or something before it, cannot answer now. 5xx. */
  | 'unavailable'
  /** No answer at all: refused, reset, unknown host, untrusted certificate. */
  | 'unreachable'
  /** An answer that is not one of this API: cut off, too large, a proxy's page. */
  | 'bad-answer'
  /** The caller's signal was aborted. */
  | 'cancelled'
  /** The client was called wrongly, or something it was given broke: a hook, a journal, a list of devices. */
  | 'invalid-options'

/** One thing that is wrong with a request, from `errors` of the problem; `detail` is for a person. */
export interface FieldError {
  /** JSON pointer into the request. */
  pointer: string
  code: string
  detail: string
}

export interface ErrorFacts {
  kind: ErrorKind
  /** Stable, kebab-case: one of the contract's `problemCodes`, or one of this client. */
  code: string
  status?: number | null
  requestId?: string | null
  /** Trying again may help by itself. */
  retryable?: boolean
  /** What the server asked for, in ms. */
  retryAfterMs?: number | null
  requiredPermission?: string | null
  fieldErrors?: FieldError[]
  cause?: unknown
}

const brand = Symbol.for('ocelli.error')

/** The one error that this client throws. `message` is a sentence for a person and says what to do. */
export class OcelliError extends Error {
  override readonly name = 'OcelliError'
  readonly kind: ErrorKind
  readonly code: string
  readonly status: number | null
  readonly requestId: string | null
  readonly retryable: boolean
  readonly retryAfterMs: number | null
  readonly requiredPermission: string | null
  readonly fieldErrors: FieldError[]
  /** How often the request was sent before this was given up. */
  attempts = 0
  readonly [brand] = true

  constructor(message: string, facts: ErrorFacts) {
    super(message, { cause: facts.cause })
    this.kind = facts.kind
    this.code = facts.code
    this.status = facts.status ?? null
    this.requestId = facts.requestId ?? null
    this.retryable = facts.retryable ?? false
    this.retryAfterMs = facts.retryAfterMs ?? null
    this.requiredPermission = facts.requiredPermission ?? null
    this.fieldErrors = facts.fieldErrors ?? []
  }
}

/** True for an error of this client, of any copy of this package; with `match`, only for one of that kind, code or status. */
export function isOcelliError(
  error: unknown,
  match: { kind?: ErrorKind; code?: string; status?: number } = {},
): error is OcelliError {
  if (typeof error !== 'object' || error === null || !(brand in error)) return false
  const { kind, code, status } = error as OcelliError
  return (
    (match.kind === undefined || match.kind === kind) &&
    (match.code === undefined || match.code === code) &&
    (match.status === undefined || match.status === status)
  )
}

/** The caller's mistake, found before anything was sent. */
export const invalidOptions = (message: string): OcelliError =>
  new OcelliError(message, { kind: 'invalid-options', code: 'invalid-options' })

/** The caller's own signal; its reason is the cause. */
export const cancelled = (signal: AbortSignal): OcelliError =>
  new OcelliError('The call was cancelled.', { kind: 'cancelled', code: 'cancelled', cause: signal.reason })
