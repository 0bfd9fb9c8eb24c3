import { expect, test } from 'vitest'
import { createVirtualClock } from '../../test/work/virtual-clock.ts'
import { createSiteRates } from './site-rates.ts'

const signal = new AbortController().signal

function open(bytesPerSecond: Record<string, number>) {
  const clock = createVirtualClock()
  const rates = createSiteRates(clock)
  rates.set(new Map(Object.entries(bytesPerSecond)))
  return { clock, rates }
}

test('each site has its own rate, and those without one are not held back', async () => {
  const { clock, rates } = open({ a: 1000, b: 4000 })
  const passed: [string, number][] = []
  for (const siteId of ['a', 'b', 'c']) {
    void rates.take(2000, { siteIds: [siteId], signal }).then(() => passed.push([siteId, clock.monotonic()]))
  }
  await clock.advance(5_000)
  expect(passed).toEqual([
    ['c', 0],
    ['b', 500],
    ['a', 2000],
  ])
  expect(['a', 'b', 'c'].map((siteId) => rates.needsMs(siteId, 2000))).toEqual([2000, 500, 0])
})

test('what several sites wait for goes at the rate of the fastest of them, and costs the others nothing', async () => {
  const { clock, rates } = open({ a: 1000, b: 4000 })
  const passed: number[] = []
  void rates.take(2000, { siteIds: ['a', 'b'], signal }).then(() => passed.push(clock.monotonic()))
  void rates.take(1000, { siteIds: ['a'], signal }).then(() => passed.push(clock.monotonic()))
  await clock.advance(5_000)
  expect(passed).toEqual([500, 1000])
})

test('a rate that is changed or taken away holds at once for those who wait', async () => {
  const { clock, rates } = open({ a: 1000, b: 1000 })
  const passed: [string, number][] = []
  for (const siteId of ['a', 'b']) {
    void rates.take(60_000, { siteIds: [siteId], signal }).then(() => passed.push([siteId, clock.monotonic()]))
  }
  await clock.advance(10_000)
  rates.set(new Map([['a', 10_000]]))
  await clock.advance(60_000)
  expect(passed).toEqual([
    ['b', 10_000],
    ['a', 15_000],
  ])
})
