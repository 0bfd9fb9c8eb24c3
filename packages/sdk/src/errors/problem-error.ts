import type { Problem, TokenRefusal } from '@ocelli/contract'
import { readRetryAfterMs } from '../http/retry-after.ts'
import { type ErrorKind, type FieldError, OcelliError } from './ocelli-error.ts'

/** The error that an unsuccessful answer means: a problem of this API, a refusal of RFC 6749, or a proxy's page. */
export function answerError(response: Response, text: string, nowMs: number): OcelliError {
  const { status, headers } = response
  const body = toObject(text)
  const problem = readProblem(body) ?? readRefusal(body) ?? foreignAnswer(response)
  const isRetryStatus = status === 408 || status === 429 || status >= 500
  const bodyRetryAfterMs = problem.retryAfterSeconds === null ? null : problem.retryAfterSeconds * 1000
  return new OcelliError(problem.detail, {
    ...{ kind: kindOf(status), code: problem.code, status, retryable: isRetryStatus || problem.retryable },
    requestId: problem.requestId ?? headers.get('x-request-id'),
    retryAfterMs: readRetryAfterMs(headers, nowMs) ?? bodyRetryAfterMs,
    requiredPermission: problem.requiredPermission,
    fieldErrors: problem.errors,
  })
}

interface Refusal {
  code: string
  detail: string
  requestId: string | null
  retryable: boolean
  retryAfterSeconds: number | null
  requiredPermission: string | null
  errors: FieldError[]
}

const bare = { requestId: null, retryable: false, retryAfterSeconds: null, requiredPermission: null, errors: [] }

function kindOf(status: number): ErrorKind {
  switch (status) {
    case 401:
      return 'unauthenticated'
    case 403:
      return 'forbidden'
    case 404:
    case 410:
      return 'not-found'
    case 408:
      return 'timeout'
    case 409:
    case 412:
      return 'conflict'
    case 429:
      return 'too-many-requests'
    default:
      return status >= 500 ? 'unavailable' : status >= 400 ? 'invalid-request' : 'bad-answer'
  }
}

/** Fields that we do not know are ignored and those missing are null: an older or newer platform still tells its code. */
function readProblem(body: Partial<Record<keyof Problem, unknown>> | null): Refusal | null {
  if (typeof body?.code !== 'string' || !/^[a-z0-9-]{1,100}$/.test(body.code)) return null
  const { retryAfterSeconds } = body
  return {
    code: body.code,
    detail: textOr(body.detail, textOr(body.title, body.code)) ?? body.code,
    requestId: textOr(body.requestId, null),
    retryable: body.retryable === true,
    retryAfterSeconds: typeof retryAfterSeconds === 'number' && retryAfterSeconds >= 0 ? retryAfterSeconds : null,
    requiredPermission: textOr(body.requiredPermission, null),
    errors: Array.isArray(body.errors) ? body.errors.flatMap(readFieldError) : [],
  }
}

function readFieldError(item: unknown): FieldError[] {
  const { pointer, code, detail } = (item ?? {}) as Record<string, unknown>
  if (typeof pointer !== 'string' || typeof detail !== 'string') return []
  return [{ pointer, code: textOr(code, 'invalid') ?? 'invalid', detail }]
}

function readRefusal(body: Partial<Record<keyof TokenRefusal, unknown>> | null): Refusal | null {
  if (typeof body?.error !== 'string' || !/^[a-z_]{1,100}$/.test(body.error)) return null
  const code = body.error.replaceAll('_', '-')
  return { ...bare, code, detail: textOr(body.error_description, null) ?? `The token was refused: ${code}.` }
}

function foreignAnswer({ status, headers }: Response): Refusal {
  const location = headers.get('location')
  const hint = location
    ? `to go to ${location.slice(0, 200)}. Use that address as base URL if it is right.`
    : 'without the reason that this API gives. Check the base URL, and whether a proxy is in between.'
  return { ...bare, code: `http-${status}`, detail: `The answer is ${status}, ${hint}` }
}

const textOr = <Other>(value: unknown, other: Other): string | Other =>
  typeof value === 'string' && value ? value : other

function toObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    // a proxy's page, or a problem cut off: the status alone tells what to do
    return null
  }
}
