import { CameraHttpError } from './camera-http-error.ts'

const SENTENCES: Record<string, string> = {
  ECONNREFUSED: 'refuses connections on this port',
  EHOSTUNREACH: 'cannot be reached: no route to its address',
  ENETUNREACH: 'cannot be reached: no route to its network',
  ENOTFOUND: 'has a name that cannot be resolved',
  EAI_AGAIN: 'has a name that cannot be resolved at the moment',
  ETIMEDOUT: 'did not answer',
  ECONNRESET: 'broke the connection',
  EPIPE: 'broke the connection',
}

/** Translates what Node says about a connection. Parser complaints are `bad-reply`, TLS disagreements `unreachable` without hope. */
export function networkFailure(error: unknown, origin: string): CameraHttpError {
  if (error instanceof CameraHttpError) return error
  const code = errorCode(error)
  if (code.startsWith('HPE_')) {
    return new CameraHttpError(
      'bad-reply',
      `What answers at ${origin} does not speak HTTP as a camera would (${code}).`,
      {
        cause: error,
      },
    )
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    const message =
      `The camera at ${origin} could not agree on TLS (${code}). ` +
      'An old camera may need legacy TLS switched on, or serves plain http on this port.'
    return new CameraHttpError('unreachable', message, { cause: error, retryable: false })
  }
  const sentence = SENTENCES[code] ?? `cannot be reached (${code === '' ? String(error) : code})`
  return new CameraHttpError('unreachable', `The camera at ${origin} ${sentence}.`, { cause: error })
}

/** Whether the connection broke, as busy cameras do to connections they have just accepted. */
export function isBrokenConnection(error: unknown): boolean {
  const cause = error instanceof CameraHttpError ? error.cause : error
  return ['ECONNRESET', 'EPIPE'].includes(errorCode(cause))
}

function errorCode(error: unknown): string {
  // Several addresses tried and all failed: the first one's reason stands for all.
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0])
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
