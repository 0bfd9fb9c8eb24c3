import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { GatewayError } from '../state/gateway-error.ts'
import { exitCodeOf } from './exit-code.ts'

test.each([
  [new GatewayError('invalid-input', ''), 2],
  [new GatewayError('not-enrolled', ''), 3],
  [new GatewayError('platform-unreachable', ''), 4],
  [new GatewayError('platform-refused', ''), 5],
  [new GatewayError('ca-mismatch', ''), 5],
  [new DriverError('unreachable', ''), 6],
  [new DriverError('timeout', ''), 6],
  [new DriverError('credentials-refused', ''), 7],
  [new DriverError('needs-first-password', ''), 7],
  [new DriverError('certificate-changed', ''), 7],
  [new DriverError('unsupported', ''), 8],
  [new GatewayError('camera-unsuitable', ''), 8],
  [new GatewayError('already-running', ''), 9],
  [new GatewayError('cancelled', ''), 130],
  [new Error(''), 1],
  ['text', 1],
])('%o ends with its own code %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})
