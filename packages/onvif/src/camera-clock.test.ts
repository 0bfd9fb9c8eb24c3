import { expect, test } from 'vitest'
import { createCameraClock, readCameraTime } from './camera-clock.ts'
import { parseXml } from './xml-element.ts'

const moment = (name: string, hour: number) =>
  `<tt:${name}><tt:Time><tt:Hour>${hour}</tt:Hour><tt:Minute>2</tt:Minute><tt:Second>3</tt:Second></tt:Time>` +
  `<tt:Date><tt:Year>2026</tt:Year><tt:Month>1</tt:Month><tt:Day>31</tt:Day></tt:Date></tt:${name}>`
const response = (content: string) =>
  parseXml(`<r xmlns:tt="t"><tds:SystemDateAndTime xmlns:tds="d">${content}</tds:SystemDateAndTime></r>`)
const zone = (tz: string, summer = 'false') =>
  `<tt:DaylightSavings>${summer}</tt:DaylightSavings><tt:TimeZone><tt:TZ>${tz}</tt:TZ></tt:TimeZone>`

test.each([
  ['UTC', moment('UTCDateTime', 1), '2026-01-31T01:02:03.000Z'],
  ['UTC before local time', moment('UTCDateTime', 1) + moment('LocalDateTime', 9), '2026-01-31T01:02:03.000Z'],
  ['local time east of Greenwich', zone('CST-8') + moment('LocalDateTime', 9), '2026-01-31T01:02:03.000Z'],
  ['local time west of Greenwich', zone('EST5') + moment('LocalDateTime', 1), '2026-01-31T06:02:03.000Z'],
  ['local time by half hours', zone('IST-5:30') + moment('LocalDateTime', 7), '2026-01-31T01:32:03.000Z'],
  ['no zone', moment('LocalDateTime', 9), null],
  ['summer time, whose length nobody told', zone('CET-1', 'true') + moment('LocalDateTime', 9), null],
  ['a zone with rules', zone('CET-1CEST,M3.5.0,M10.5.0/3') + moment('LocalDateTime', 9), null],
  ['nothing', '', null],
  ['words', '<UTCDateTime><Time><Hour>x</Hour></Time></UTCDateTime>', null],
])('reads %s', (_, content, expected) => {
  expect(readCameraTime(response(content))?.toISOString() ?? null).toBe(expected)
})

test('takes the middle of the request as the moment of the answer', () => {
  let nowMs = 10_000
  const clock = createCameraClock(() => new Date(nowMs))
  nowMs = 12_000
  expect(clock.measured(new Date(71_000), 10_000)).toBe(60_000)
  expect(clock.measured(null, 10_000)).toBeNull()
  expect(clock.measuredMs).toBeNull()
})

test('hears the time in the Date header', () => {
  const clock = createCameraClock(() => new Date('2026-01-01T00:00:00Z'))
  clock.heard(['date', 'Thu, 01 Jan 2026 01:00:00 GMT'])
  expect(clock.headerMs).toBe(3_600_000)
  clock.heard(['Date', 'yesterday'])
  expect(clock.headerMs).toBe(3_600_000)
})

test.each(['Sat, 13 Sep 275760 00:00:00 GMT', 'Fri, 01 Jan 10000 00:00:00 GMT', '1 Jan -5', 'soon'])(
  'a Date header of %s tells nothing',
  (date) => {
    const clock = createCameraClock(() => new Date('2026-01-01T00:00:00Z'))
    clock.heard(['Date', date])
    expect(clock.headerMs).toBe(null)
    clock.heard(['Date', 'Thu, 01 Jan 2026 00:00:05 GMT'])
    clock.heard(['Date', date])
    expect(clock.headerMs).toBe(5000)
  },
)
