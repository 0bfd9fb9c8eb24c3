import type { EapPackage } from '../app-package.ts'
import { PackageError } from '../package-error.ts'

/** What manifest.json and package.conf say, in one form. */
export type EapFacts = Pick<
  EapPackage,
  | 'appId'
  | 'versionName'
  | 'architectures'
  | 'label'
  | 'vendor'
  | 'vendorId'
  | 'axisAppId'
  | 'copyProtection'
  | 'compatibleOsVersions'
  | 'minSdkVersion'
  | 'runMode'
  | 'runAs'
  | 'settingPage'
  | 'parameters'
  | 'httpPaths'
  | 'manifestSchema'
>

const maxTextLength = 1000
// Axis allows 26 letters, digits and underscores; older packages have a hyphen here and there, and longer names.
const appName = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/

export function readAppName(value: string | null): string {
  if (value !== null && appName.test(value)) return value
  throw invalid('its app name is missing, or not of letters, digits and underscores')
}

export function readVersion(value: string | null): string {
  if (value !== null && /^[A-Za-z0-9][A-Za-z0-9.+_~-]{0,99}$/.test(value)) return value
  throw invalid('its version is missing, or not of letters, digits and dots')
}

/** `all` is any; everything else is one architecture. Null when not said. */
export function readArchitectures(value: string | null): string[] | null {
  if (value === null) return null
  if (value === 'all') return []
  if (/^[a-z0-9_-]{1,32}$/.test(value)) return [value]
  throw invalid(`"${value.slice(0, 100)}" is not an architecture`)
}

/** A vendor id is compared by what its digits mean, not by their case. */
export function readVendorId(value: string | null): string | null {
  if (value === null) return null
  if (/^[0-9a-f]{10}$/i.test(value)) return value.toLowerCase()
  throw invalid('its vendorId is not of ten hex digits')
}

export function readCopyProtection(value: string | null): EapFacts['copyProtection'] {
  if (value === null || value === '') return 'none'
  if (value === 'none' || value === 'axis' || value === 'custom') return value
  throw invalid(`"${value.slice(0, 100)}" is not a kind of copy protection`)
}

export function readRunMode(value: string | null): EapFacts['runMode'] {
  return value === 'respawn' || value === 'once' || value === 'never' ? value : null
}

/** A text for people: one line of bounded length; null when there is nothing in it. */
export function readLine(value: string | null | undefined): string | null {
  const line = (value ?? '')
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, maxTextLength)
  return line === '' ? null : line
}

export function invalid(what: string, cause?: unknown): PackageError {
  return new PackageError('manifest-invalid', `The package does not say what it is: ${what}.`, { cause })
}
