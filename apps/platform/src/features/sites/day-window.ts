import { type DayWindow, weekdays } from '@ocelli/contract'

export interface WallClock {
  /** 0 is Monday. */
  weekday: number
  /** Since midnight, by the clock on the wall: on days of a change of the clocks an hour is missing or comes twice. */
  minute: number
}

const englishDays: Record<string, number> = { Mon: 0, Tue: 1, Wed: 2, Thu: 3, Fri: 4, Sat: 5, Sun: 6 }

/** What the clock on the wall shows in an IANA time zone. Throws RangeError for a name that is none. */
export function wallClock(timeZone: string, atMs: number): WallClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]))
  const weekday = englishDays[parts.get('weekday') ?? ''] ?? 0
  return { weekday, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }
}

/** From `from` until before `to`. Over midnight the day is the one it began on. No days: every day. */
export function isInWindow({ days, from, to }: DayWindow, { weekday, minute }: WallClock): boolean {
  const begins = minutesOf(from)
  const ends = minutesOf(to)
  const isDay = (day: number) => !days || days.some((name) => weekdays.indexOf(name) === day)
  if (begins < ends) return isDay(weekday) && minute >= begins && minute < ends
  return (isDay(weekday) && minute >= begins) || (isDay((weekday + 6) % 7) && minute < ends)
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return hours * 60 + minutes
}
