import { expect, test } from 'vitest'
import { reconnectWaitMs } from './backoff.ts'

test('the wait is anywhere below a ceiling that doubles from one second to two minutes', () => {
  const almostOne = () => 1
  expect([0, 1, 2, 6, 7, 8, 1000].map((failures) => reconnectWaitMs(failures, almostOne))).toEqual([
    1_000, 2_000, 4_000, 64_000, 120_000, 120_000, 120_000,
  ])
  expect(reconnectWaitMs(5, () => 0)).toBe(0)
  expect(reconnectWaitMs(5, () => 0.25)).toBe(8_000)
})
