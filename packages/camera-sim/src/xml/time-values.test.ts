import { expect, test } from 'vitest'
import { formatDateTime, parseDateTimeMs, parseDurationMs } from './time-values.ts'

test.each([
  ['PT60S', 60_000],
  ['PT1M', 60_000],
  ['PT0S', 0],
  ['PT0.5S', 500],
  ['P1DT2H3M4S', 93_784_000],
  ['P1M', 30 * 86_400_000],
  ['P', null],
  ['PT', null],
  ['P1DT', null],
  ['-PT5S', null],
  ['60', null],
])('the duration %s is %s ms', (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected)
})

test.each([
  ['2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1)],
  ['2026-01-01T01:00:00+01:00', Date.UTC(2026, 0, 1)],
  ['2026-01-01T00:00:00', Date.UTC(2026, 0, 1)],
  ['2026-01-01T00:00:00.250Z', Date.UTC(2026, 0, 1, 0, 0, 0, 250)],
  ['2026-13-01T00:00:00Z', null],
  ['yesterday', null],
])('the time %s is %s', (text, expected) => {
  expect(parseDateTimeMs(text)).toBe(expected)
})

test('a time is written in UTC without fractions', () => {
  expect(formatDateTime(Date.UTC(2026, 0, 1, 2, 3, 4, 567))).toBe('2026-01-01T02:03:04Z')
})
