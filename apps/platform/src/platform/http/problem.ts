import type { Permission, Problem, ProblemCode } from '@ocelli/contract'
import { isDatabaseAway, isDatabaseFull } from '../database/database-away.ts'
import { cutOffBy } from '../database/session-limits.ts'
import { readValidation, type ValidationItem } from './validation-words.ts'

interface Kind {
  status: number
  title: string
  retryAfterSeconds?: number
}

const kinds: Record<ProblemCode, Kind> = {
  'invalid-request': { status: 400, title: 'Invalid request' },
  unauthenticated: { status: 401, title: 'Not signed in' },
  'token-expired': { status: 401, title: 'Token expired' },
  'permission-missing': { status: 403, title: 'Permission missing' },
  'not-found': { status: 404, title: 'Not found' },
  'no-free-license': { status: 409, title: 'No free license' },
  'order-required': { status: 400, title: 'Order required' },
  'trial-used': { status: 409, title: 'Trial already used' },
  'device-offline': { status: 409, title: 'Device offline' },
  'device-unclaimed': { status: 409, title: 'Device not claimed' },
  'app-not-installed': { status: 409, title: 'App not installed' },
  incompatible: { status: 409, title: 'Incompatible' },
  downgrade: { status: 409, title: 'Downgrade' },
  'claimed-elsewhere': { status: 409, title: 'Claimed elsewhere' },
  'identity-conflict': { status: 409, title: 'Identity conflict' },
  'licenses-held': { status: 409, title: 'Licenses held' },
  'license-conflict': { status: 409, title: 'License conflict' },
  'units-in-use': { status: 409, title: 'Units in use' },
  'idempotency-key-reused': { status: 422, title: 'Idempotency key reused' },
  'idempotency-key-in-use': { status: 409, title: 'Idempotency key in use', retryAfterSeconds: 1 },
  'request-timeout': { status: 408, title: 'Request timeout', retryAfterSeconds: 5 },
  'too-many-requests': { status: 429, title: 'Too many requests', retryAfterSeconds: 2 },
  unavailable: { status: 503, title: 'Unavailable', retryAfterSeconds: 60 },
  internal: { status: 500, title: 'Internal error', retryAfterSeconds: 60 },
  'package-invalid': { status: 422, title: 'Package invalid' },
  'package-unsigned': { status: 422, title: 'Package not signed' },
  'package-not-newer': { status: 409, title: 'Package not newer' },
  'package-other-signer': { status: 409, title: 'Package signed by another certificate' },
  'package-foreign-app': { status: 409, title: 'App belongs to another publisher' },
  'package-ambiguous': { status: 409, title: 'Several packages fit' },
  'license-expired': { status: 409, title: 'License expired' },
  'vendor-license-missing': { status: 409, title: 'License key of the vendor missing' },
  'key-invalid': { status: 422, title: 'Key invalid' },
  'grant-invalid': { status: 422, title: 'Grant invalid' },
  'grant-used': { status: 409, title: 'Grant already used' },
  'receipt-invalid': { status: 422, title: 'Receipt invalid' },
  'already-exists': { status: 409, title: 'Already exists' },
  'state-conflict': { status: 409, title: 'Not possible in this state' },
  'took-too-long': { status: 503, title: 'Took too long', retryAfterSeconds: 60 },
  'limit-reached': { status: 409, title: 'Limit reached' },
  'last-administrator': { status: 409, title: 'Last administrator' },
  'headers-too-large': { status: 431, title: 'Request headers too large' },
  'payload-too-large': { status: 413, title: 'Payload too large' },
  'unsupported-media-type': { status: 415, title: 'Unsupported media type' },
  'range-not-satisfiable': { status: 416, title: 'Range not satisfiable' },
}

export interface ProblemOptions {
  requiredPermission?: Permission
  errors?: Problem['errors']
  retryAfterSeconds?: number
  headers?: Record<string, string>
  cause?: unknown
}

/** A refusal that the caller is told as problem+json. `detail` says what to do. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ProblemCode
  readonly status: number
  readonly options: ProblemOptions

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause })
    this.code = code
    this.status = kinds[code].status
    this.options = options
  }
}

export const notFound = (what: string): ProblemError =>
  new ProblemError('not-found', `${what} does not exist, or is not visible to you.`)

/** As much of a path as the longest that exists: a device id of 255 characters takes 12 bytes each. */
const longestPath = 4096

/** The path of a request as a problem tells it back. */
export const shownPath = ({ url }: { url: string }): string => (url.split('?', 1)[0] ?? '').slice(0, longestPath)

/** The body of RFC 9457 for one refusal. */
export function toProblem(error: ProblemError, request: { path: string; requestId: string }): Problem {
  const kind = kinds[error.code]
  const retryAfterSeconds = error.options.retryAfterSeconds ?? kind.retryAfterSeconds ?? null
  return {
    type: `urn:ocelli:problem:${error.code}`,
    title: kind.title,
    status: kind.status,
    detail: error.message,
    instance: request.path,
    code: error.code,
    requestId: request.requestId,
    retryable: retryAfterSeconds !== null,
    retryAfterSeconds,
    requiredPermission: error.options.requiredPermission ?? null,
    errors: error.options.errors ?? [],
  }
}

/** Says the part that is wrong, and what it must be. */
function toValidationProblem(items: readonly ValidationItem[], context: string | undefined): ProblemError {
  const { first, errors, rootType } = readValidation(items)
  if (context === 'body' && first.pointer === '') {
    const wanted = `Send a JSON ${rootType} as the body, with Content-Type: application/json.`
    return new ProblemError('invalid-request', wanted, { errors })
  }
  const where = context === 'body' ? 'body' : context === 'querystring' ? 'query' : 'path'
  const detail = `The request's ${where} is not valid: ${first.pointer || '/'} ${first.detail}.`
  return new ProblemError('invalid-request', detail, { errors })
}

/** SQLSTATE of what RFC 3339 allows to be written and PostgreSQL does not hold; all other times are its own or a schema's. */
const impossibleTimes = new Set(['22007', '22008', '22009'])

/** What Fastify, its parsers and plugins throw, in our words; anything unknown is `internal`, its text never shown. */
export function toProblemError(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const { code, statusCode, validation, validationContext, message } = (error ?? {}) as {
    code?: string
    statusCode?: number
    message?: string
    validationContext?: string
    validation?: ValidationItem[]
  }
  if (validation) return toValidationProblem(validation, validationContext)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE' || statusCode === 413) {
    return new ProblemError('payload-too-large', 'The request body is larger than this route accepts.')
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || statusCode === 415) {
    return new ProblemError('unsupported-media-type', 'Send the body with the Content-Type that this route documents.')
  }
  if (statusCode === 429) return new ProblemError('too-many-requests', 'Too many requests: slow down and try again.')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ProblemError(
      'invalid-request',
      `The request could not be read: ${(message ?? 'malformed').replace(/\.$/, '')}.`,
    )
  }
  if (code !== undefined && impossibleTimes.has(code)) {
    const detail = 'A time in the request is none that can be kept: years go from 1 to 9999, offsets to 15:59.'
    return new ProblemError('invalid-request', detail, { cause: error })
  }
  switch (cutOffBy(error)) {
    case 'lock': {
      const detail =
        'Other work holds what this request needs, and goes on for longer than a request waits. Send it again; if that goes on, tell the operator.'
      return new ProblemError('unavailable', detail, { retryAfterSeconds: 5, cause: error })
    }
    case 'statement': {
      const detail =
        'The database needs longer for this than a request may take. Ask for less at once (a smaller page, a narrower filter, fewer devices), or again later.'
      return new ProblemError('took-too-long', detail, { cause: error })
    }
  }
  if (isDatabaseFull(error)) {
    const detail = 'The database has no disk space left. Try again later, or tell the operator.'
    return new ProblemError('unavailable', detail, { cause: error })
  }
  if (isDatabaseAway(error)) {
    const detail =
      'A part that the platform needs cannot be reached right now. Try again; what a request was to change may have been changed already.'
    return new ProblemError('unavailable', detail, { retryAfterSeconds: 5, cause: error })
  }
  return new ProblemError('internal', 'Something went wrong on our side. Try again later; quote the request id.', {
    cause: error,
  })
}
