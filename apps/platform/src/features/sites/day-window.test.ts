import { type DayWindow, weekdays } from '@ocelli/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isInWindow, wallClock } from './day-window.ts'

const at = (zone: string, time: string) => wallClock(zone, Date.parse(time))

describe('the clock on the wall of a site', () => {
  it.each([
    ['UTC', '2026-07-06T15:04:00Z', { weekday: 0, minute: 15 * 60 + 4 }],
    ['Asia/Tokyo', '2026-07-06T15:04:00Z', { weekday: 1, minute: 4 }],
    ['America/New_York', '2026-07-06T03:59:59Z', { weekday: 6, minute: 23 * 60 + 59 }],
    // the last minute before clocks go forward, and the first after: 02:00 to 02:59 are missing
    ['Europe/Berlin', '2026-03-29T00:59:00Z', { weekday: 6, minute: 119 }],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', { weekday: 6, minute: 180 }],
    // clocks go back: 02:30 comes twice
    ['Europe/Berlin', '2026-10-25T00:30:00Z', { weekday: 6, minute: 150 }],
    ['Europe/Berlin', '2026-10-25T01:30:00Z', { weekday: 6, minute: 150 }],
  ])('in %s at %s', (zone, time, expected) => {
    expect(at(zone, time)).toEqual(expected)
  })
})

describe('a window', () => {
  const night: DayWindow = { days: ['MON'], from: '22:00', to: '05:00' }
  it.each([
    ['is open from its first minute', '2026-07-06T22:00:00Z', true],
    ['is closed the minute before', '2026-07-06T21:59:59Z', false],
    ['goes on over midnight', '2026-07-07T00:00:00Z', true],
    ['is open until the minute before its end', '2026-07-07T04:59:59Z', true],
    ['is closed at its end', '2026-07-07T05:00:00Z', false],
    ['is closed in the morning of its day, which belongs to Sunday', '2026-07-06T03:00:00Z', false],
    ['is closed in the evening of the next day', '2026-07-07T22:00:00Z', false],
  ])('%s', (_, time, isOpen) => {
    expect(isInWindow(night, at('UTC', time))).toBe(isOpen)
  })

  it('is as long as the wall says on days when the clocks change', () => {
    const window: DayWindow = { from: '01:00', to: '04:00' }
    const minutes = (from: string) =>
      Array.from({ length: 24 * 60 }, (_, minute) =>
        wallClock('Europe/Berlin', Date.parse(from) + minute * 60_000),
      ).filter((clock) => isInWindow(window, clock)).length
    expect(minutes('2026-03-28T23:00:00Z')).toBe(120)
    expect(minutes('2026-10-24T22:00:00Z')).toBe(240)
    expect(minutes('2026-07-05T22:00:00Z')).toBe(180)
  })

  it('and the window from its end to its beginning fill the week, without overlap', () => {
    const time = fc
      .integer({ min: 0, max: 1439 })
      .map((minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`)
    const clock = fc.record({ weekday: fc.integer({ min: 0, max: 6 }), minute: fc.integer({ min: 0, max: 1439 }) })
    fc.assert(
      fc.property(time, time, clock, (from, to, now) => {
        fc.pre(from !== to)
        expect(isInWindow({ from, to }, now)).toBe(!isInWindow({ from: to, to: from }, now))
      }),
    )
  })

  it('is open on exactly as many minutes of a week as it has days, whichever they are', () => {
    const days = fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(days, (some) => {
        let open = 0
        for (let weekday = 0; weekday < 7; weekday++) {
          for (let minute = 0; minute < 1440; minute += 60) {
            if (isInWindow({ days: some, from: '22:00', to: '05:00' }, { weekday, minute })) open += 1
          }
        }
        expect(open).toBe(7 * some.length)
      }),
    )
  })
})
