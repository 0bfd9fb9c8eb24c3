import { PackageError } from '../package-error.ts'
import { type AttributeValue, readElements, type XmlElement } from './binary-xml.ts'

export interface Manifest {
  appId: string
  versionCode: number
  versionName: string
  minPlatformLevel: number
  targetPlatformLevel: number | null
  label: string | null
}

// Resource ids of android.R.attr. `package` and `split` are plain attributes without one.
const attributes = {
  package: { id: null, name: 'package', maxLength: 255 },
  split: { id: null, name: 'split', maxLength: 255 },
  versionCode: { id: 0x0101021b, name: 'versionCode', maxLength: 0 },
  versionCodeMajor: { id: 0x01010576, name: 'versionCodeMajor', maxLength: 0 },
  versionName: { id: 0x0101021c, name: 'versionName', maxLength: 255 },
  minSdkVersion: { id: 0x0101020c, name: 'minSdkVersion', maxLength: 0 },
  targetSdkVersion: { id: 0x01010270, name: 'targetSdkVersion', maxLength: 0 },
  label: { id: 0x01010001, name: 'label', maxLength: 1000 },
} as const

/** As Android checks it: two or more segments of ASCII letters, digits and underscores, each beginning with a letter. */
const packageName = /^[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+$/
/** API level where the manifest names none (developer.android.com, uses-sdk). */
const defaultMinPlatformLevel = 1
const maxPlatformLevel = 10_000

/** Reads what matters out of a compiled AndroidManifest.xml. Throws PackageError `manifest-invalid`. */
export function parseManifest(document: Buffer): Manifest {
  const found = findElements(document)
  const versionCode = readVersionCode(found.manifest)
  return {
    appId: readAppId(found.manifest),
    versionCode,
    versionName: readVersionName(found.manifest) ?? String(versionCode),
    minPlatformLevel: readMinLevel(found.usesSdk),
    targetPlatformLevel: readTargetLevel(found.usesSdk),
    label: readLabel(found.application),
  }
}

interface FoundElements {
  manifest: XmlElement
  usesSdk: XmlElement | null
  application: XmlElement | null
}

/** Only the root and its children count: the same names further inside mean nothing to Android. */
function findElements(document: Buffer): FoundElements {
  let manifest: XmlElement | null = null
  let usesSdk: XmlElement | null = null
  let application: XmlElement | null = null
  for (const element of readElements(document)) {
    if (element.depth === 1) {
      if (manifest !== null || element.name !== 'manifest') throw invalid('Its one root element must be manifest.')
      manifest = element
    } else if (element.depth === 2 && element.name === 'uses-sdk') {
      if (usesSdk !== null) throw invalid('It has two uses-sdk elements.')
      usesSdk = element
    } else if (element.depth === 2 && element.name === 'application') {
      if (application !== null) throw invalid('It has two application elements.')
      application = element
    }
  }
  if (manifest === null) throw invalid('It has no elements.')
  return { manifest, usesSdk, application }
}

function readAppId(manifest: XmlElement): string {
  const split = manifest.attribute(attributes.split)
  if (split !== null) throw invalid('The package is one part of a split app; build a universal .apk instead.')
  const value = manifest.attribute(attributes.package)
  const text = value?.kind === 'string' ? value.text : null
  if (text === null || !packageName.test(text)) throw invalid('Its package name is missing or not a valid one.')
  return text
}

function readVersionCode(manifest: XmlElement): number {
  const low = manifest.attribute(attributes.versionCode)
  const high = manifest.attribute(attributes.versionCodeMajor)
  if (low?.kind !== 'integer') throw invalid('It has no versionCode, or one that is not a number.')
  if (high !== null && high.kind !== 'integer') throw invalid('Its versionCodeMajor is not a number.')
  const versionCode = (high?.value ?? 0) * 2 ** 32 + low.value
  if (!Number.isSafeInteger(versionCode)) throw invalid('Its version code is greater than 2^53 - 1.')
  return versionCode
}

function readVersionName(manifest: XmlElement): string | null {
  const value = manifest.attribute(attributes.versionName)
  if (value === null || value.kind === 'reference') return null
  if (value.kind === 'integer') return String(value.value)
  if (value.kind !== 'string' || value.text === null || /\p{Cc}|\p{Cs}/u.test(value.text)) {
    throw invalid('Its versionName is not a text of up to 255 printable characters.')
  }
  return value.text === '' ? null : value.text
}

function readMinLevel(usesSdk: XmlElement | null): number {
  return toLevel(usesSdk?.attribute(attributes.minSdkVersion) ?? null, 'minSdkVersion') ?? defaultMinPlatformLevel
}

function readTargetLevel(usesSdk: XmlElement | null): number | null {
  const value = usesSdk?.attribute(attributes.targetSdkVersion) ?? null
  // A code name such as "S" stands for a preview platform, which has no number yet.
  if (value?.kind === 'string') return null
  return toLevel(value, 'targetSdkVersion')
}

function toLevel(value: AttributeValue | null, which: string): number | null {
  if (value === null) return null
  if (value.kind !== 'integer' || value.value > maxPlatformLevel) throw invalid(`Its ${which} is not an API level.`)
  return value.value
}

function readLabel(application: XmlElement | null): string | null {
  const value = application?.attribute(attributes.label) ?? null
  if (value?.kind !== 'string' || value.text === null) return null
  const text = value.text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
  return text === '' ? null : text
}

function invalid(what: string): PackageError {
  return new PackageError('manifest-invalid', `The manifest is not acceptable. ${what}`)
}
