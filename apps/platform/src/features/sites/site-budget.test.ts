import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { budgetNow, shareOf } from './site-budget.ts'

const site = {
  timeZone: 'Europe/Berlin',
  maxInFlight: 4,
  downloadBytesPerSecond: 1_000_000,
  uploadBytesPerSecond: null,
  budgetHours: [
    { from: '22:00', to: '05:00', maxInFlight: 50, downloadBytesPerSecond: 20_000_000, uploadBytesPerSecond: 400_000 },
    { days: ['MON' as const], from: '08:00', to: '18:00', maxInFlight: 1 },
  ],
}

describe('the budget of a site', () => {
  it.each([
    [
      'its own where no hours hold',
      '2026-07-07T10:00:00Z',
      { maxInFlight: 4, downloadBytesPerSecond: 1_000_000, uploadBytesPerSecond: null },
    ],
    [
      'that of the hours, by its own clock',
      '2026-07-06T20:00:00Z',
      { maxInFlight: 50, downloadBytesPerSecond: 20_000_000, uploadBytesPerSecond: 400_000 },
    ],
    [
      'its own in what the hours leave out',
      '2026-07-06T10:00:00Z',
      { maxInFlight: 1, downloadBytesPerSecond: 1_000_000, uploadBytesPerSecond: null },
    ],
  ])('is %s', (_, time, expected) => {
    expect(budgetNow(site, Date.parse(time))).toEqual(expected)
  })

  it('has rates that are divided so that the shares of its gateways sum to them, each at least one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 50 }), (budget, sharers) => {
        const shares = Array.from({ length: sharers }, (_, place) => shareOf(budget, { place, sharers }))
        expect(shares.reduce((sum, share) => sum + share, 0)).toBe(Math.max(budget, sharers))
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
