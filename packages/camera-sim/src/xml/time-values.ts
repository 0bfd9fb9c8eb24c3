const duration = /^P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

const secondsPerUnit = [365 * 86_400, 30 * 86_400, 86_400, 3_600, 60, 1] as const

/** Milliseconds of an xs:duration (years as 365 days, months as 30); null for what is none, or negative. */
export function parseDurationMs(text: string): number | null {
  const match = duration.exec(text.trim())
  if (match === null) return null
  const seconds = secondsPerUnit.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unit, 0)
  return Number.isFinite(seconds) ? seconds * 1000 : null
}

/** Milliseconds since 1970 of an xs:dateTime; one without a zone is taken as UTC. Null for what is none. */
export function parseDateTimeMs(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?$/.exec(text.trim())
  if (match === null) return null
  const value = Date.parse(`${match[1]}${match[2] ?? 'Z'}`)
  return Number.isNaN(value) ? null : value
}

/** An xs:dateTime in UTC with seconds and a literal Z. */
export function formatDateTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
}
