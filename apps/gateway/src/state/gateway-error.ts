import type { ErrorCategory } from '@ocelli/contract'

/** Stable causes of what goes wrong at the gateway itself; a camera's own causes are DriverError. */
export type GatewayErrorCode =
  | 'invalid-input'
  | 'not-enrolled'
  | 'already-running'
  | 'state-corrupt'
  | 'state-denied'
  | 'disk-full'
  | 'ca-mismatch'
  | 'certificate-invalid'
  | 'platform-unreachable'
  | 'platform-refused'
  | 'bad-reply'
  | 'timeout'
  | 'cancelled'
  | 'package-corrupt'
  | 'package-unavailable'
  | 'package-too-large'
  | 'camera-unsuitable'
  | 'claimed-elsewhere'
  | 'identity-changed'
  | 'login-unreadable'
  | 'not-found'
  | 'user-differs'
  | 'needs-tls'
  | 'password-not-set'
  | 'password-in-doubt'
  | 'password-overtaken'

const categories: Record<GatewayErrorCode, { category: ErrorCategory; retryable: boolean }> = {
  'invalid-input': { category: 'internal', retryable: false },
  'not-enrolled': { category: 'internal', retryable: false },
  'already-running': { category: 'internal', retryable: false },
  'state-corrupt': { category: 'internal', retryable: false },
  'state-denied': { category: 'internal', retryable: false },
  'disk-full': { category: 'internal', retryable: true },
  'ca-mismatch': { category: 'network', retryable: false },
  'certificate-invalid': { category: 'network', retryable: false },
  'platform-unreachable': { category: 'network', retryable: true },
  'platform-refused': { category: 'network', retryable: false },
  'bad-reply': { category: 'network', retryable: true },
  timeout: { category: 'timeout', retryable: true },
  cancelled: { category: 'internal', retryable: true },
  'package-corrupt': { category: 'network', retryable: true },
  'package-unavailable': { category: 'network', retryable: false },
  'package-too-large': { category: 'internal', retryable: false },
  'camera-unsuitable': { category: 'incompatible', retryable: false },
  'claimed-elsewhere': { category: 'refused-by-device', retryable: false },
  'identity-changed': { category: 'device-unreachable', retryable: true },
  'login-unreadable': { category: 'internal', retryable: false },
  'not-found': { category: 'internal', retryable: false },
  'user-differs': { category: 'credentials-refused', retryable: false },
  'needs-tls': { category: 'network', retryable: false },
  'password-not-set': { category: 'refused-by-device', retryable: true },
  'password-in-doubt': { category: 'internal', retryable: true },
  'password-overtaken': { category: 'internal', retryable: false },
}

/** What went wrong at the gateway, with a sentence that a person can act on. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: GatewayErrorCode
  readonly category: ErrorCategory
  readonly retryable: boolean

  constructor(code: GatewayErrorCode, detail: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(detail, { cause: options.cause })
    this.code = code
    this.category = categories[code].category
    this.retryable = options.retryable ?? categories[code].retryable
  }
}
