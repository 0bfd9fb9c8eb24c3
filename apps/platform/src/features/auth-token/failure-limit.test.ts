import { expect, test } from 'vitest'
import { createFailureLimit } from './failure-limit.ts'

function start(maxKeys = 100) {
  const clock = { nowMs: 0 }
  const limit = createFailureLimit({ maxFailures: 2, windowMs: 10_000, maxKeys, nowMs: () => clock.nowMs })
  return { clock, limit }
}

test('a key waits for the rest of its window once it has failed too often', () => {
  const { clock, limit } = start()
  limit.failed('a')
  expect(limit.retryAfterSeconds('a')).toBeNull()
  clock.nowMs = 4000
  limit.failed('a')
  expect(limit.retryAfterSeconds('a')).toBe(6)
  expect(limit.retryAfterSeconds('b')).toBeNull()
  clock.nowMs = 10_000
  expect(limit.retryAfterSeconds('a')).toBeNull()
})

test('the right answer clears what was counted', () => {
  const { limit } = start()
  limit.failed('a')
  limit.succeeded('a')
  limit.failed('a')
  expect(limit.retryAfterSeconds('a')).toBeNull()
})

test('memory is bounded: the key that failed longest ago is forgotten first', () => {
  const { limit } = start(2)
  for (const key of ['a', 'b', 'a', 'b', 'c', 'c']) limit.failed(key)
  expect(limit.retryAfterSeconds('a')).toBeNull()
  expect(limit.retryAfterSeconds('b')).toBe(10)
  expect(limit.retryAfterSeconds('c')).toBe(10)
})
