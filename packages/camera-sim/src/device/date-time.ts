import { requiredText } from '../soap/envelope.ts'
import { faults } from '../soap/soap-fault.ts'
import { childNamed, type XmlElement } from '../xml/reader.ts'
import { type Xml, xml } from '../xml/writer.ts'

/** tt:SystemDateTime in UTC; old firmware leaves UTCDateTime out. */
export function writeDateTime(timeMs: number, isUtcMissing: boolean): Xml {
  const time = new Date(timeMs)
  const parts = xml`
    <tt:Time>
      <tt:Hour>${time.getUTCHours()}</tt:Hour>
      <tt:Minute>${time.getUTCMinutes()}</tt:Minute>
      <tt:Second>${time.getUTCSeconds()}</tt:Second>
    </tt:Time>
    <tt:Date>
      <tt:Year>${time.getUTCFullYear()}</tt:Year>
      <tt:Month>${time.getUTCMonth() + 1}</tt:Month>
      <tt:Day>${time.getUTCDate()}</tt:Day>
    </tt:Date>`
  return xml`
    <tds:SystemDateAndTime>
      <tt:DateTimeType>Manual</tt:DateTimeType>
      <tt:DaylightSavings>false</tt:DaylightSavings>
      <tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone>
      ${isUtcMissing ? null : xml`<tt:UTCDateTime>${parts}</tt:UTCDateTime>`}
      <tt:LocalDateTime>${parts}</tt:LocalDateTime>
    </tds:SystemDateAndTime>`
}

/** The time that SetSystemDateAndTime asks for, in ms since 1970; null when the camera shall take it from NTP. */
export function readDateTime(request: XmlElement): number | null {
  const kind = requiredText(request, 'DateTimeType')
  if (kind === 'NTP') return null
  if (kind !== 'Manual') throw faults.invalidArgs('DateTimeType is Manual or NTP.')
  const utc = childNamed(request, 'UTCDateTime')
  if (utc === undefined) return null
  const [time, date] = [childNamed(utc, 'Time'), childNamed(utc, 'Date')]
  if (time === undefined || date === undefined) throw faults.invalidArgs('UTCDateTime needs Time and Date.')
  const year = number(date, 'Year')
  const month = number(date, 'Month')
  const day = number(date, 'Day')
  const value = Date.UTC(year, month - 1, day, number(time, 'Hour'), number(time, 'Minute'), number(time, 'Second'))
  const isReal = new Date(value).getUTCDate() === day && new Date(value).getUTCMonth() === month - 1
  if (!isReal) throw faults.invalidValue('InvalidDateTime', 'There is no such date.')
  return value
}

function number(element: XmlElement, name: string): number {
  const text = requiredText(element, name)
  if (!/^\d{1,4}$/.test(text)) throw faults.invalidValue('InvalidDateTime', `${name} is no number.`)
  return Number(text)
}
