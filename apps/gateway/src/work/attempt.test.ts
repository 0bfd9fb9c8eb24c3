import { expect, test } from 'vitest'
import { newAttempt, stepBegun } from './attempt.ts'

test('the failed tries of one step do not count against the next', () => {
  const failed = { ...newAttempt(1), step: 'UPLOAD' as const, failures: 3 }
  expect(stepBegun(failed, 'UPLOAD').failures).toBe(3)
  expect(stepBegun(failed, 'INSTALL').failures).toBe(0)
})
