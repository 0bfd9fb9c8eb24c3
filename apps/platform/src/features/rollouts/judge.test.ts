import type { RolloutCounters, RolloutStrategy } from '@ocelli/contract'
import { describe, expect, it } from 'vitest'
import { judge, noCounters, rateNow } from './judge.ts'

const wave = (counters: Partial<RolloutCounters>): RolloutCounters => ({ ...noCounters, ...counters })
const strategy: RolloutStrategy = {
  waves: [{ percent: 10, minSuccessPercent: 90, waitMinutes: 10 }, { percent: 100 }],
  abort: [
    { on: 'FAILED', percent: 20, minDevices: 5 },
    { on: 'ALL', count: 50 },
  ],
}
const kind = (
  first: Partial<RolloutCounters>,
  second: Partial<RolloutCounters> = { pending: 90 },
  options: Partial<Parameters<typeof judge>[0]> = {},
) =>
  judge({
    ...{
      waves: [wave(first), wave(second)],
      wave: 0,
      waveEndedAtMs: null,
      gatePassed: false,
      keepOpen: false,
      strategy,
      nowMs: 0,
    },
    ...options,
  }).kind

describe('a wave', () => {
  it.each<[string, Partial<RolloutCounters>, string]>([
    ['goes on while devices are pending', { pending: 1, succeeded: 9 }, 'go-on'],
    ['goes on while devices are in flight', { inFlight: 1, succeeded: 9 }, 'go-on'],
    ['ends with enough success', { succeeded: 9, rejected: 1 }, 'wave-ended'],
    ['counts what was done already as success', { alreadyDone: 9, timedOut: 1 }, 'wave-ended'],
    ['stops the rollout with too little', { succeeded: 8, rejected: 2 }, 'hold'],
    ['is not held up by offline devices', { succeeded: 9, rejected: 1, offline: 5 }, 'wave-ended'],
    ['waits when all of its devices are away', { offline: 5 }, 'go-on'],
    ['does not count skipped and cancelled devices', { succeeded: 1, skipped: 8, cancelled: 1 }, 'wave-ended'],
    ['passes when it has no device with a result', { skipped: 3 }, 'wave-ended'],
  ])('%s', (_, counters, expected) => {
    expect(kind(counters)).toBe(expected)
  })

  it('that a person let pass ends', () => expect(kind({ rejected: 2 }, {}, { gatePassed: true })).toBe('wave-ended'))
  it('lets its minutes pass before the next', () => {
    expect(kind({ succeeded: 9 }, {}, { waveEndedAtMs: 0, nowMs: 599_999 })).toBe('go-on')
    expect(kind({ succeeded: 9 }, {}, { waveEndedAtMs: 0, nowMs: 600_000 })).toBe('next-wave')
  })
  it('waits for devices of earlier waves that have come back', () => {
    const waves = [wave({ succeeded: 9, pending: 1 }), wave({ succeeded: 10 }), wave({ pending: 5 })]
    expect(kind({}, {}, { waves, wave: 1 })).toBe('go-on')
  })
})

describe('a rollout', () => {
  it('is complete with its last wave', () =>
    expect(kind({ succeeded: 9 }, { succeeded: 1 }, { wave: 1 })).toBe('complete'))
  it('is not complete while a device is offline', () =>
    expect(kind({ offline: 1 }, { succeeded: 1 }, { wave: 1 })).toBe('go-on'))
  it('is not complete while it is kept open', () =>
    expect(kind({ succeeded: 1 }, {}, { wave: 1, keepOpen: true })).toBe('go-on'))
  it.each<[string, Partial<RolloutCounters>, string]>([
    ['is aborted by a share', { failed: 1, succeeded: 4 }, 'abort'],
    ['is not aborted by a share of too few', { failed: 1, succeeded: 3, pending: 1 }, 'go-on'],
    ['is not aborted below the share', { failed: 1, succeeded: 5, pending: 1 }, 'go-on'],
    ['is aborted by a count of all troubles together', { rejected: 30, timedOut: 20, succeeded: 1000 }, 'abort'],
  ])('%s', (_, counters, expected) => {
    expect(kind(counters)).toBe(expected)
  })
})

describe('the rate', () => {
  const exponential = { baseRatePerMinute: 10, incrementFactor: 2, everySucceeded: 100 }
  it.each([
    ['is no limit when not given', {}, 0, null],
    ['is what was given', { rate: { maximumPerMinute: 60 } }, 1000, 60],
    ['begins at its base', { rate: { maximumPerMinute: 60, exponential } }, 99, 10],
    ['grows with success', { rate: { maximumPerMinute: 60, exponential } }, 200, 40],
    ['does not pass its maximum', { rate: { maximumPerMinute: 60, exponential } }, 100_000_000, 60],
  ])('%s', (_, given, succeeded, expected) => {
    expect(rateNow(given, succeeded)).toBe(expected)
  })
})
