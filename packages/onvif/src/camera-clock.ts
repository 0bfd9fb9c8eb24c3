import { rawHeaderValues } from '@ocelli/camera-http'
import { childText, descend, type XmlElement } from './xml-element.ts'

/**
 * The UTC time in a `GetSystemDateAndTimeResponse`; null when the camera does not tell it in a usable way.
 * Cameras without `UTCDateTime` are understood when their time zone is a fixed POSIX offset and daylight saving is off.
 */
export function readCameraTime(response: XmlElement): Date | null {
  const container = descend(response, 'SystemDateAndTime') ?? response
  const utcMs = readDateTime(descend(container, 'UTCDateTime'))
  if (utcMs !== null) return new Date(utcMs)
  const localMs = readDateTime(descend(container, 'LocalDateTime'))
  const zoneMs = readFixedZone(childText(descend(container, 'TimeZone'), 'TZ') ?? '')
  const isSummer = childText(container, 'DaylightSavings') !== 'false'
  return localMs === null || zoneMs === null || isSummer ? null : new Date(localMs + zoneMs)
}

function readDateTime(element: XmlElement | undefined): number | null {
  const number = (group: string, name: string) => {
    const text = childText(descend(element, group), name) ?? ''
    return /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  }
  const year = number('Date', 'Year')
  const ms = Date.UTC(
    year,
    number('Date', 'Month') - 1,
    number('Date', 'Day'),
    number('Time', 'Hour'),
    number('Time', 'Minute'),
    number('Time', 'Second'),
  )
  return Number.isNaN(ms) || year < 100 ? null : ms
}

// POSIX: `CST-8` is eight hours EAST of Greenwich, so adding the number to local time gives UTC. A rule after it means summer time.
function readFixedZone(zone: string): number | null {
  const match = /^(?:[A-Za-z]{3,}|<[^>]+>)([+-]?)(\d{1,2})(?::(\d{2}))?(?::\d{2})?$/.exec(zone)
  if (match === null) return null
  const [, sign, hours, minutes = '0'] = match
  const ms = (Number(hours) * 60 + Number(minutes)) * 60_000
  return sign === '-' ? -ms : ms
}

// Times beyond have years of more digits than a login's time may have, and in the end none at all.
const LATEST_MS = Date.UTC(9999, 0)

/** What is known of the difference between the camera's clock and ours, in milliseconds (camera minus ours). */
export type CameraClock = {
  /** By GetSystemDateAndTime; null when never measured or not told. */
  readonly measuredMs: number | null
  /** By the `Date` header of the latest answer, for cameras that hide or misreport their time. */
  readonly headerMs: number | null
  /** Takes the camera's time, read by a request that was sent at `sentMs` (our clock) and answered now. */
  measured(cameraTime: Date | null, sentMs: number): number | null
  heard(rawHeaders: readonly string[]): void
  nowMs(): number
}

export function createCameraClock(clock: () => Date): CameraClock {
  let measuredMs: number | null = null
  let headerMs: number | null = null
  return {
    get measuredMs() {
      return measuredMs
    },
    get headerMs() {
      return headerMs
    },
    measured(cameraTime, sentMs) {
      const middleMs = (sentMs + clock().getTime()) / 2
      measuredMs = cameraTime === null ? null : Math.round(cameraTime.getTime() - middleMs)
      return measuredMs
    },
    heard(rawHeaders) {
      const time = Date.parse(rawHeaderValues(rawHeaders, 'date')[0] ?? '')
      if (time >= 0 && time <= LATEST_MS) headerMs = time - clock().getTime()
    },
    nowMs: () => clock().getTime(),
  }
}
