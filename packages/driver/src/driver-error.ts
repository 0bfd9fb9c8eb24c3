import type { ErrorCategory } from '@ocelli/contract'

/** Stable causes a driver reports; the gateway turns them into connectivity and into the installation's error. */
export type DriverErrorCode =
  | 'unreachable'
  | 'timeout'
  | 'cancelled'
  | 'credentials-refused'
  | 'needs-first-password'
  | 'certificate-changed'
  | 'unsupported'
  | 'bad-reply'
  | 'refused'
  | 'app-not-found'
  | 'install-failed'
  | 'package-refused'
  | 'signature-refused'
  | 'storage-full'
  | 'incompatible'
  | 'license-refused'
  | 'app-fell-back'
  | 'password-refused'
  | 'busy'

const categories: Record<DriverErrorCode, { category: ErrorCategory; retryable: boolean }> = {
  unreachable: { category: 'device-unreachable', retryable: true },
  timeout: { category: 'timeout', retryable: true },
  cancelled: { category: 'internal', retryable: true },
  'credentials-refused': { category: 'credentials-refused', retryable: false },
  'needs-first-password': { category: 'credentials-refused', retryable: false },
  'certificate-changed': { category: 'credentials-refused', retryable: false },
  unsupported: { category: 'incompatible', retryable: false },
  // What answers so may be a proxy, or half of an answer: nobody has refused anything.
  'bad-reply': { category: 'network', retryable: true },
  refused: { category: 'refused-by-device', retryable: false },
  'app-not-found': { category: 'refused-by-device', retryable: false },
  'install-failed': { category: 'refused-by-device', retryable: false },
  'package-refused': { category: 'refused-by-device', retryable: false },
  'signature-refused': { category: 'refused-by-device', retryable: false },
  'storage-full': { category: 'refused-by-device', retryable: false },
  incompatible: { category: 'incompatible', retryable: false },
  'license-refused': { category: 'license', retryable: false },
  'app-fell-back': { category: 'refused-by-device', retryable: false },
  'password-refused': { category: 'refused-by-device', retryable: false },
  busy: { category: 'device-unreachable', retryable: true },
}

/** What is known beside the code. Left out is null; of `appLog` the last `MAX_APP_LOG` characters are kept. */
export interface DriverErrorDetails {
  deviceCode?: string | null
  appLog?: string | null
  cause?: unknown
}

/** Characters of an app's log that are kept: the end of it, which tells why the app stopped. */
export const MAX_APP_LOG = 4_000

/** What went wrong with a camera, translated once, at the driver. */
export class DriverError extends Error {
  override readonly name = 'DriverError'
  readonly code: DriverErrorCode
  readonly category: ErrorCategory
  readonly retryable: boolean
  /** The camera's own code or words, for support. */
  readonly deviceCode: string | null
  /** The end of what the app wrote into the camera's log, where the camera keeps one. */
  readonly appLog: string | null

  constructor(code: DriverErrorCode, detail: string, options: DriverErrorDetails = {}) {
    super(detail, { cause: options.cause })
    this.code = code
    this.category = categories[code].category
    this.retryable = categories[code].retryable
    this.deviceCode = options.deviceCode ?? null
    this.appLog = options.appLog?.slice(-MAX_APP_LOG) ?? null
  }
}
