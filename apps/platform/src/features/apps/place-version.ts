import type { AppPackage, EapPackage } from '@ocelli/app-package'
import type { AppVersion } from '@ocelli/contract'
import { ProblemError } from '../../platform/http/problem.ts'
import { compareVersions } from './compare-versions.ts'

/**
 * The version code under which a package is published, given all published versions, newest first: one of its own, newer
 * than all, or that of the newest version, as a package for other cameras. Throws ProblemError `package-not-newer`.
 */
export function placeVersion(versions: readonly AppVersion[], content: AppPackage): number {
  const newest = versions[0]
  if (!newest) return content.format === 'apk' ? content.versionCode : 1
  const code = content.format === 'apk' ? placeByCode(versions, content) : placeByText(versions, newest, content)
  if (code !== newest.versionCode) return code
  if (newest.withdrawnAt) throw wasWithdrawn(newest.version)
  if (newest.packages.some((part) => kindOf(part) === kindOfContent(content))) {
    throw notNewer(
      `Version ${newest.version} (version code ${newest.versionCode}) is published already, with another file`,
    )
  }
  return code
}

function placeByCode(versions: readonly AppVersion[], content: { versionCode: number; versionName: string }): number {
  const { versionCode, versionName } = content
  const newest = versions[0]
  const namesake = versions.find(({ version }) => version === versionName)
  if (!newest || versionCode > newest.versionCode) {
    if (!namesake) return versionCode
    throw notNewer(`Version ${versionName} is published already, with the version code ${namesake.versionCode}`)
  }
  if (versionCode < newest.versionCode || versionName !== newest.version) {
    throw notNewer(`The newest version is ${newest.version} with the version code ${newest.versionCode}`)
  }
  return versionCode
}

/** An .eap has a text only. What cannot be compared counts as newer than everything published before it. */
function placeByText(versions: readonly AppVersion[], newest: AppVersion, { versionName }: EapPackage): number {
  if (versionName !== newest.version && versions.some(({ version }) => version === versionName)) {
    throw notNewer(`Version ${versionName} is published already`)
  }
  switch (compareVersions(versionName, newest.version)) {
    case 'newer':
    case 'unlike':
      return newest.versionCode + 1
    case 'same':
      if (versionName === newest.version) return newest.versionCode
      throw notNewer(`Version ${versionName} is the same as ${newest.version}, which is published`)
    case 'older':
      throw notNewer(`The newest version is ${newest.version}`)
  }
}

/** What tells the packages of one version apart: the cameras that each is for. */
function kindOf({ format, architectures, eap }: AppVersion['packages'][number]): string {
  return describeKind({ format, architectures, osVersions: eap?.osVersions ?? [], isSigned: eap?.signature !== null })
}

function kindOfContent(content: AppPackage): string {
  const { format, architectures } = content
  if (content.format === 'apk') return describeKind({ format, architectures, osVersions: [], isSigned: true })
  const { compatibleOsVersions: osVersions, signature } = content
  return describeKind({ format, architectures, osVersions, isSigned: signature !== null })
}

interface Kind {
  format: string
  architectures: readonly string[]
  osVersions: readonly { min: string | null; max: string | null }[]
  isSigned: boolean
}

const describeKind = ({ format, architectures, osVersions, isSigned }: Kind) =>
  JSON.stringify([format, architectures, osVersions.map(({ min, max }) => [min, max]), isSigned])

export function wasWithdrawn(version: string): ProblemError {
  return notNewer(`Version ${version} was withdrawn`)
}

function notNewer(reason: string): ProblemError {
  return new ProblemError('package-not-newer', `${reason}. Raise version code and version name of the package.`)
}
