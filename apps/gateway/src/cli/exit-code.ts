import { DriverError, type DriverErrorCode } from '@ocelli/driver'
import { GatewayError, type GatewayErrorCode } from '../state/gateway-error.ts'

/** What a script may rely on; documented in docs/gateway.md. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  state: 3,
  platformUnreachable: 4,
  platformRefused: 5,
  cameraUnreachable: 6,
  cameraRefused: 7,
  cameraUnsuitable: 8,
  alreadyRunning: 9,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const byGatewayCode: Record<GatewayErrorCode, ExitCode> = {
  'invalid-input': exitCodes.usage,
  'not-found': exitCodes.usage,
  'not-enrolled': exitCodes.state,
  'state-corrupt': exitCodes.state,
  'state-denied': exitCodes.state,
  'disk-full': exitCodes.state,
  'already-running': exitCodes.alreadyRunning,
  'ca-mismatch': exitCodes.platformRefused,
  'certificate-invalid': exitCodes.platformRefused,
  'platform-refused': exitCodes.platformRefused,
  'claimed-elsewhere': exitCodes.platformRefused,
  'package-corrupt': exitCodes.platformRefused,
  'package-unavailable': exitCodes.platformRefused,
  'package-too-large': exitCodes.state,
  'platform-unreachable': exitCodes.platformUnreachable,
  'bad-reply': exitCodes.platformUnreachable,
  timeout: exitCodes.platformUnreachable,
  'camera-unsuitable': exitCodes.cameraUnsuitable,
  'identity-changed': exitCodes.cameraUnsuitable,
  'login-unreadable': exitCodes.state,
  'user-differs': exitCodes.cameraRefused,
  'needs-tls': exitCodes.cameraRefused,
  'password-not-set': exitCodes.cameraRefused,
  'password-in-doubt': exitCodes.cameraRefused,
  'password-overtaken': exitCodes.cameraRefused,
  cancelled: exitCodes.interrupted,
}

const unreachable: DriverErrorCode[] = ['unreachable', 'timeout', 'busy', 'bad-reply']
const unsuitable: DriverErrorCode[] = ['unsupported', 'incompatible']

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof GatewayError) return byGatewayCode[error.code]
  if (!(error instanceof DriverError)) return exitCodes.unexpected
  if (error.code === 'cancelled') return exitCodes.interrupted
  if (unreachable.includes(error.code)) return exitCodes.cameraUnreachable
  return unsuitable.includes(error.code) ? exitCodes.cameraUnsuitable : exitCodes.cameraRefused
}
