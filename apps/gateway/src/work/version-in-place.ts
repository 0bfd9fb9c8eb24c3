import type { DesiredApp } from '@ocelli/contract'
import type { InstalledApp } from '@ocelli/driver'
import type { InstalledPackage } from './attempt.ts'

type PackageRef = NonNullable<DesiredApp['package']>

/**
 * The camera runs this very package's version. Cameras write versions in their own words, so what we installed ourselves
 * is recognized by the words the camera had for it then.
 */
export function isInPlace(
  wanted: PackageRef,
  app: Pick<InstalledApp, 'version'>,
  installed: InstalledPackage | null,
): boolean {
  if (installed && installed.listedAs === app.version) {
    return installed.version === wanted.version && installed.versionCode === wanted.versionCode
  }
  return app.version === wanted.version
}

/** The camera's version is higher than the wanted one. False when the two cannot be compared: then the camera decides. */
export function isDowngrade(
  wanted: PackageRef,
  app: Pick<InstalledApp, 'version'>,
  installed: InstalledPackage | null,
): boolean {
  if (installed && installed.listedAs === app.version) return wanted.versionCode < installed.versionCode
  return compareDotted(wanted.version, app.version ?? '') === -1
}

function compareDotted(left: string, right: string): -1 | 0 | 1 | null {
  const dotted = /^\d{1,9}(\.\d{1,9})*$/
  if (!dotted.test(left) || !dotted.test(right)) return null
  const lefts = left.split('.').map(Number)
  const rights = right.split('.').map(Number)
  for (let index = 0; index < Math.max(lefts.length, rights.length); index++) {
    const difference = (lefts[index] ?? 0) - (rights[index] ?? 0)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return 0
}
