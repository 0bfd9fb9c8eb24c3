import { isRecord } from './record.ts'

/** A FULL license names no end and holds whatever the clock says; one of the others always names its end. */
export type LicenseType = 'FULL' | 'TRIAL' | 'SUBSCRIPTION'

const maxIdLength = 255
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function isText(value: unknown, maxLength: number): value is string {
  // A lone surrogate would be written as U+FFFD, and the statement would name another id than was asked for.
  return typeof value === 'string' && value.length <= maxLength && value.isWellFormed()
}

export function isId(value: unknown): value is string {
  return isText(value, maxIdLength) && value !== ''
}

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && uuid.test(value)
}

export function isLicenseType(value: unknown): value is LicenseType {
  return value === 'FULL' || value === 'TRIAL' || value === 'SUBSCRIPTION'
}

/** A whole number from 0 to 2^53 - 1: seconds since 1970, a count, a size in bytes. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Reads every entry of a list; the first sentence that says what is wrong ends it. */
export function readList<Entry extends object>(
  name: string,
  value: unknown,
  read: (entry: Record<string, unknown>) => Entry | string,
): Entry[] | string {
  if (!Array.isArray(value)) return `The claim ${name} must be a list.`
  const entries: Entry[] = []
  for (const item of value as unknown[]) {
    const entry = isRecord(item) ? read(item) : 'It is no object.'
    if (typeof entry === 'string') return `Entry ${entries.length} of ${name} is wrong. ${entry}`
    entries.push(entry)
  }
  return entries
}
