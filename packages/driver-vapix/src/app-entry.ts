import type { HttpReply } from '@ocelli/camera-http'
import { DriverError, type InstalledApp } from '@ocelli/driver'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { checkReply, excerptOf, textOf } from './reply-text.ts'

/** An app as list.cgi shows it. Everything but the name may be missing; what is there is kept as text. */
export type AppEntry = {
  name: string
  niceName: string | null
  vendor: string | null
  /** Free text: `4.5-2` for apps of Axis, `1.4.3` for those with a manifest. */
  version: string | null
  applicationId: string | null
  status: 'Running' | 'Stopped' | 'Idle' | null
  license: 'Valid' | 'Invalid' | 'Missing' | 'Custom' | 'None' | null
  /** `YYYY-MM-DD` */
  licenseExpires: string | null
}

const STATUSES = ['Running', 'Stopped', 'Idle'] as const
const LICENSES = ['Valid', 'Invalid', 'Missing', 'Custom', 'None'] as const

// A camera holds some dozens of apps, with a few child elements each; the bounds keep a hostile answer cheap.
const MAX_TAGS = 20_000
const MAX_APPS = 1_000

const parser = {
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  // `1.20` must not become 1.2.
  parseAttributeValue: false,
  parseTagValue: false,
  // Entities are decoded below: the five of XML and character references, never declared ones.
  processEntities: false,
  htmlEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // One child would be an object and two a list.
  isArray: (_name: string, path: unknown) => path === 'reply.application',
  maxNestedTags: 16,
}

/** Reads the answer of list.cgi of any AXIS OS; attributes and children that it does not know are passed over. Throws `bad-reply`. */
export function readAppList(reply: HttpReply): AppEntry[] {
  const text = textOf(checkReply(reply, 'list.cgi')).trim()
  const refusal = /^Error:\s*\d+/.exec(text)?.[0]
  if (refusal !== undefined) {
    throw new DriverError('refused', `The camera does not list its apps (${refusal}).`, { deviceCode: refusal })
  }
  const root = parse(text).reply
  const reading = isRecord(root) ? root : {}
  if (reading['@result'] === 'error') throw listRefused(reading)
  if (root === undefined || (reading['@result'] ?? 'ok') !== 'ok') throw badList(excerptOf(text))
  const applications = Array.isArray(reading.application) ? reading.application : []
  if (applications.length > MAX_APPS) throw badList(`it has more than ${MAX_APPS} apps`)
  return applications.flatMap((each) => readEntry(each))
}

function parse(text: string): Record<string, unknown> {
  if (!text.startsWith('<') || /<!\s*(doctype|entity)/i.test(text)) throw badList(excerptOf(text) || 'nothing')
  let tags = 0
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
    if (++tags > MAX_TAGS) throw badList(`it has more than ${MAX_TAGS} tags`)
  }
  try {
    const parsed: unknown = XMLValidator.validate(text) === true ? new XMLParser(parser).parse(text) : undefined
    if (isRecord(parsed)) return parsed
  } catch (error) {
    throw badList('it cannot be parsed', error)
  }
  throw badList('it is not well-formed')
}

function readEntry(element: unknown): AppEntry[] {
  if (!isRecord(element)) return []
  const value = (name: string): string | null => {
    const text = element[`@${name}`]
    return typeof text === 'string' ? decodeEntities(text).trim() || null : null
  }
  const name = value('Name')
  if (name === null) return []
  const oneOf = <Word extends string>(words: readonly Word[], attribute: string): Word | null => {
    const text = value(attribute)?.toLowerCase()
    return words.find((word) => word.toLowerCase() === text) ?? null
  }
  const expires = value('LicenseExpirationDate')
  return [
    {
      name,
      niceName: value('NiceName'),
      vendor: value('Vendor'),
      version: value('Version'),
      applicationId: value('ApplicationID'),
      status: oneOf(STATUSES, 'Status'),
      license: oneOf(LICENSES, 'License'),
      licenseExpires: expires !== null && /^\d{4}-\d{2}-\d{2}$/.test(expires) ? expires : null,
    },
  ]
}

/** An app in the drivers' words. `Idle` is an app that is switched on and waits, so it runs. */
export function toInstalledApp(entry: AppEntry): InstalledApp {
  const { status, license } = entry
  const state = status === null ? 'UNKNOWN' : status === 'Stopped' ? 'NOT_RUNNING' : 'RUNNING'
  const lacking = license === 'Missing' || license === 'Invalid' ? `License ${license}` : null
  return {
    ...{ appId: entry.name, name: entry.niceName, version: entry.version, state },
    status: [status, lacking].filter((words) => words !== null).join(', ') || null,
    licenses: license === 'Valid' ? [{ name: entry.name, validUntil: endOf(entry.licenseExpires) }] : [],
  }
}

/** Axis tells the day only; a license is good until that day is over. */
function endOf(day: string | null): string | null {
  const end = day === null ? Number.NaN : Date.parse(`${day}T23:59:59Z`)
  return Number.isNaN(end) ? null : new Date(end).toISOString()
}

function listRefused(reading: Record<string, unknown>): DriverError {
  const error = isRecord(reading.error) ? reading.error : {}
  const words = typeof error['@message'] === 'string' ? decodeEntities(error['@message']) : 'no reason given'
  return new DriverError('busy', `The camera cannot list its apps at the moment: ${excerptOf(words)}.`, {
    deviceCode: excerptOf(words),
  })
}

function badList(what: string, cause?: unknown): DriverError {
  return new DriverError('bad-reply', `The camera's list of apps cannot be read: ${what}.`, { cause })
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{1,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole
  })
}
