import { InvalidArgumentError, Option } from 'commander'
import { longest, shortest } from './camera-list/generate-password.ts'
import { wrongUsage } from './cli-error.ts'

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a number above 0.')
}

/** From 1. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}

/** For flags that can be repeated. */
export const collect = (value: string, before: string[]): string[] => [...before, value]

/** From 0. */
export function notNegative(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a whole number of at least 0.')
}

/** An option that takes one of these, in upper or lower case; gives it as it is written here. */
export function choiceOf(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices).argParser((text: string) => {
    const known = choices.find((choice) => choice.toLowerCase() === text.toLowerCase())
    if (known !== undefined) return known
    throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`)
  })
}

/** For arguments that are ids; `list` is the command that shows them. */
export const idFrom =
  (list: string) =>
  (text: string): string => {
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text
    throw new InvalidArgumentError(`It must be a whole id, as \`${list}\` shows it.`)
  }

const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A time as the API takes it (RFC 3339), of what a person types: such a time, a date (its beginning in UTC), or a span such as
 * `30m`, `24h` or `7d`, which lies behind or ahead of now. Throws `wrong-usage`.
 */
export function readTime(
  text: string,
  { flag, spans, nowMs }: { flag: string; spans: 'ago' | 'ahead'; nowMs: number },
): string {
  const [, amount, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  if (amount !== undefined) {
    const spanMs = Number(amount) * (unitMs[unit] ?? 0)
    return new Date(spans === 'ago' ? nowMs - spanMs : nowMs + spanMs).toISOString()
  }
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  if (isTime && isDay(text.slice(0, 10)) && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString()
  throw wrongUsage(
    `${flag}: "${text}" is no time. Give one such as 2026-01-31T08:00:00Z, a date such as 2026-01-31, or a span such as 24h or 7d.`,
  )
}

/** JavaScript takes 31 February for a day in March. */
function isDay(text: string): boolean {
  const time = new Date(text)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}

export function passwordLength(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= shortest && value <= longest) return value
  throw new InvalidArgumentError(`It must be a whole number from ${shortest} to ${longest}.`)
}
