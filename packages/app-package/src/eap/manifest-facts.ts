import type { AppParameter, OsVersionRange } from '../app-package.ts'
import { readAxisAppId } from './conf-facts.ts'
import {
  type EapFacts,
  invalid,
  readAppName,
  readArchitectures,
  readCopyProtection,
  readLine,
  readRunMode,
  readVendorId,
  readVersion,
} from './eap-facts.ts'

const maxItems = 1000

/** What manifest.json says; the architecture may stand in package.conf alone, since build tools add it late. */
export type ManifestFacts = Omit<EapFacts, 'architectures'> & { architectures: string[] | null }

/** Reads manifest.json of schema 1 and 2. Members that are not known are ignored, as newer schemas add them. */
export function readManifestFacts(bytes: Buffer): ManifestFacts {
  const manifest = parseJson(bytes)
  const conf = recordIn(manifest, 'acapPackageConf')
  const setup = recordIn(conf, 'setup')
  const configuration = optionalRecord(conf, 'configuration')
  const user = optionalRecord(setup, 'user')
  const [username, group] = [textIn(user, 'username'), textIn(user, 'group')]
  return {
    appId: readAppName(textIn(setup, 'appName')),
    versionName: readVersion(textIn(setup, 'version')),
    architectures: readArchitectures(textIn(setup, 'architecture')),
    label: readLine(textIn(setup, 'friendlyName')),
    vendor: readLine(textIn(setup, 'vendor')),
    vendorId: readVendorId(textIn(setup, 'vendorId')),
    axisAppId: readAxisAppId(textIn(setup, 'appId')),
    copyProtection: readCopyProtection(textIn(optionalRecord(conf, 'copyProtection'), 'method')),
    manifestSchema: readSchema(manifest),
    compatibleOsVersions: readOsVersions(setup.compatibleOsVersions),
    minSdkVersion: readLine(textIn(setup, 'embeddedSdkVersion')),
    runMode: readRunMode(textIn(setup, 'runMode')),
    runAs: username === null || group === null ? null : { user: username, group },
    settingPage: readLine(textIn(configuration, 'settingPage')),
    parameters: listIn(configuration, 'paramConfig').map(readParameter),
    httpPaths: [
      ...listIn(configuration, 'httpConfig').flatMap((item) => textIn(item, 'name') ?? []),
      ...listIn(configuration, 'reverseProxy').flatMap((item) => textIn(item, 'apiPath') ?? []),
    ],
  }
}

type Json = Record<string, unknown>

function parseJson(bytes: Buffer): Json {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isRecord(value)) return value
  } catch (cause) {
    throw invalid('its manifest.json is not JSON', cause)
  }
  throw invalid('its manifest.json is not an object')
}

function readSchema(manifest: Json): string {
  const text = textIn(manifest, 'schemaVersion')
  if (text !== null && /^\d{1,3}(?:\.\d{1,3}){0,2}$/.test(text)) return text
  throw invalid('its manifest.json names no schemaVersion such as 1.7.1')
}

function readOsVersions(value: unknown): OsVersionRange[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > maxItems) throw invalid('its compatibleOsVersions is not a list')
  return value.map((item: unknown) => {
    if (!isRecord(item)) throw invalid('its compatibleOsVersions holds something that is no range')
    const [min, max] = [readOsVersion(item, 'min'), readOsVersion(item, 'max')]
    if (min === null && max === null) throw invalid('its compatibleOsVersions holds a range without bounds')
    return { min, max }
  })
}

function readOsVersion(range: Json, key: string): string | null {
  const text = textIn(range, key)
  if (text === null || /^\d{1,6}(?:\.\d{1,6}){0,3}$/.test(text)) return text
  throw invalid(`"${text.slice(0, 100)}" is not a version of AXIS OS`)
}

function readParameter(item: Json): AppParameter {
  return {
    name: textIn(item, 'name') ?? '',
    default: textIn(item, 'default') ?? '',
    type: textIn(item, 'type') ?? '',
  }
}

function recordIn(parent: Json, key: string): Json {
  const value = parent[key]
  if (isRecord(value)) return value
  throw invalid(`its manifest.json has no ${key}`)
}

function optionalRecord(parent: Json, key: string): Json {
  return parent[key] === undefined ? {} : recordIn(parent, key)
}

function listIn(parent: Json, key: string): Json[] {
  const value = parent[key] ?? []
  if (Array.isArray(value) && value.length <= maxItems && value.every(isRecord)) return value
  throw invalid(`${key} in its manifest.json is not a list of objects`)
}

/** Null when it is not there; numbers are not taken for texts. */
function textIn(parent: Json, key: string): string | null {
  const value = parent[key]
  if (value === undefined || value === null) return null
  if (typeof value === 'string' && value.length <= 10_000) return value
  throw invalid(`${key} in its manifest.json is not a text`)
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
