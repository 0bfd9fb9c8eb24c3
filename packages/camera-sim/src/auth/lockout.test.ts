import { expect, test } from 'vitest'
import { createManualTime } from '../time.ts'
import { createLockout } from './lockout.ts'

test('only refusals in a row lock, and trying on does not prolong the lock', () => {
  const time = createManualTime(0)
  const lockout = createLockout({ policy: { afterRefusals: 3, lockMs: 1000 }, nowMs: time.nowMs })
  lockout.refused()
  lockout.refused()
  lockout.accepted()
  lockout.refused()
  lockout.refused()
  expect(lockout.isLocked()).toBe(false)
  lockout.refused()
  expect(lockout.isLocked()).toBe(true)
  time.advance(999)
  for (let index = 0; index < 5; index += 1) lockout.refused()
  time.advance(1)
  expect([lockout.isLocked(), lockout.refusedLogins()]).toEqual([false, 10])
})

test('a reboot opens the lock and keeps the count', () => {
  const lockout = createLockout({ policy: { afterRefusals: 1, lockMs: 1000 }, nowMs: () => 0 })
  lockout.refused()
  lockout.reset()
  expect([lockout.isLocked(), lockout.refusedLogins()]).toEqual([false, 1])
})
