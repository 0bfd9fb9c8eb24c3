import type { TokenRefusal } from '@ocelli/contract'
import type { Answer } from '../../platform/http/route.ts'

/** A refusal in the words of RFC 6749, 5.2. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'
  readonly error: TokenRefusal['error']
  readonly retryAfterSeconds: number | null

  constructor(
    error: TokenRefusal['error'],
    description: string,
    options: { retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(description, { cause: options.cause })
    this.error = error
    this.retryAfterSeconds = options.retryAfterSeconds ?? null
  }
}

export function toTokenRefusal({ error, message, retryAfterSeconds }: TokenRefused): Answer<TokenRefusal> {
  const status = error === 'invalid_client' ? 401 : error === 'temporarily_unavailable' ? 429 : 400
  return {
    status,
    body: { error, error_description: message },
    headers: {
      'cache-control': 'no-store',
      ...(status === 401 ? { 'www-authenticate': 'Basic realm="ocelli"' } : {}),
      ...(retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) }),
    },
  }
}
