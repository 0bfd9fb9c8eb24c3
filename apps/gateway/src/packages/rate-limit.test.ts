import { expect, test } from 'vitest'
import { createVirtualClock } from '../../test/work/virtual-clock.ts'
import { createRateLimit } from './rate-limit.ts'

function createTestClock() {
  const clock = {
    nowMs: 1000,
    monotonic: () => clock.nowMs,
    async sleep(ms: number) {
      clock.nowMs += ms
    },
  }
  return clock
}
const signal = AbortSignal.timeout(60_000)

test('lets everything pass while there is no limit', async () => {
  const clock = createTestClock()
  const limit = createRateLimit(clock)
  await limit.take(1_000_000_000, signal)
  expect(clock.nowMs).toBe(1000)
  expect(limit.needsMs(1000)).toBe(0)
})

test.each([
  [20_000, [65_536]],
  [1_000_000, [1, 65_536, 1, 30_000, 65_536]],
  [10_000_000, Array.from({ length: 50 }, (_, at) => (at * 7919) % 65_536)],
])('at %i bytes/s is never passed over the whole time, and wastes nothing', async (perSecond, pieces) => {
  const clock = createTestClock()
  const limit = createRateLimit(clock)
  limit.set(perSecond)
  let bytes = 0
  for (const piece of pieces) {
    await limit.take(piece, signal)
    bytes += piece
    expect(bytes / perSecond).toBeLessThanOrEqual((clock.nowMs - 1000) / 1000 + 1e-6)
  }
  expect(clock.nowMs - 1000).toBeCloseTo((bytes / perSecond) * 1000, 3)
})

test('does not make good what was left unused before', async () => {
  const clock = createTestClock()
  const limit = createRateLimit(clock)
  limit.set(1000)
  clock.nowMs += 3_600_000
  const beganMs = clock.nowMs
  await limit.take(2000, signal)
  expect(clock.nowMs - beganMs).toBe(2000)
})

test('holds at its new height as soon as it has changed', async () => {
  const clock = createTestClock()
  const limit = createRateLimit(clock)
  limit.set(1000)
  await limit.take(1000, signal)
  limit.set(2000)
  const beganMs = clock.nowMs
  await limit.take(1000, signal)
  expect(clock.nowMs - beganMs).toBe(500)
})

test('gives those who wait the new height at once, in the order they came', async () => {
  const clock = createVirtualClock()
  const limit = createRateLimit(clock)
  limit.set(100)
  const passed: [string, number][] = []
  for (const name of ['first', 'second']) {
    void limit.take(1000, signal).then(() => passed.push([name, clock.monotonic()]))
  }
  await clock.advance(5_000)
  limit.set(500)
  await clock.advance(10_000)
  expect(passed).toEqual([
    ['first', 6_000],
    ['second', 8_000],
  ])
})

test('is given up with the signal', async () => {
  const clock = createVirtualClock()
  const limit = createRateLimit(clock)
  limit.set(1)
  const stop = new AbortController()
  const taking = limit.take(1_000_000, stop.signal)
  stop.abort(new Error('enough'))
  await expect(taking).rejects.toThrow('enough')
})
