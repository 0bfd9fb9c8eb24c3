import type { EapDetails } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'

/** What decides whether a package can run on a device. No formats known and null: nothing stands against it. */
export interface PackageTarget {
  appFormats: readonly string[]
  architecture: string | null
  /** Android API level */
  platformLevel: number | null
  /** As the device tells it; of AXIS OS where its driver is `vapix`. */
  firmwareVersion: string | null
  /** Whether the device lets packages without a signature in; null when it does not say. */
  unsignedApps: boolean | null
}

export interface ChosenPackage {
  packageId: string
  versionCode: number
  version: string
  format: 'apk' | 'eap'
  /** bytes */
  size: number
  sha256: string
}

export type FittingPackage =
  | { kind: 'fits'; package: ChosenPackage }
  | { kind: 'none-published' }
  | { kind: 'unknown-version' }
  | { kind: 'incompatible'; detail: string }

/** The condition under which the package `p` (app_package) runs on the device `d` (device), by these aliases. */
export const packageFitsDevice: RawBuilder<boolean> = sql<boolean>`((p.format = ANY(d.app_formats) OR cardinality(d.app_formats) = 0)
    AND (p.architectures = '{}' OR d.architecture IS NULL OR d.architecture = ANY(p.architectures))
    AND (p.min_platform_level IS NULL OR d.platform_level IS NULL OR p.min_platform_level <= d.platform_level)
    AND (p.is_signed OR d.unsigned_apps IS NOT FALSE)
    AND (p.format <> 'eap' OR axis_os_fits(p.os_versions, d.firmware_version)))`

/** Of several packages `p` that fit, the one made for the device comes before the one for any, and signed before not. */
export const bestPackageFirst = sql`p.version_code DESC, cardinality(p.architectures) = 0, p.min_platform_level DESC NULLS LAST,
  NOT p.is_signed, p.os_versions = '[]', p.package_id`

/**
 * A LATERAL subquery: the newest published package of the app that fits the device `d`, as `newest`
 * (package_id, version_code, version). `appId` is a column or value: `LEFT JOIN LATERAL ${newestFitting(...)} ON true`.
 */
export function newestFitting(appId: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(SELECT p.package_id, p.version_code, v.version
    FROM app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
    WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL AND ${packageFitsDevice}
    ORDER BY ${bestPackageFirst} LIMIT 1) newest`
}

/** The package to install: the newest that fits, or that of the version asked for. Withdrawn versions are unknown here. */
export async function findFittingPackage(
  db: Database,
  { device, appId, version }: { device: PackageTarget; appId: string; version?: string | null | undefined },
): Promise<FittingPackage> {
  const { rows } = await sql<Candidate>`
    SELECT p.package_id, p.version_code, v.version, p.format, p.size, p.sha256, p.architectures, p.min_platform_level,
      p.os_versions, p.is_signed, ${packageFitsDevice} AS fits
    FROM (SELECT ${device.appFormats}::text[] AS app_formats, ${device.architecture}::text AS architecture,
        ${device.platformLevel}::int AS platform_level, ${device.firmwareVersion}::text AS firmware_version,
        ${device.unsignedApps}::boolean AS unsigned_apps) d,
      app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
    WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL AND (${version ?? null}::text IS NULL OR v.version = ${version ?? null})
    ORDER BY fits DESC, p.version_code DESC, (p.architectures = '{}' OR d.architecture = ANY(p.architectures)) DESC,
      ${bestPackageFirst} LIMIT 1`.execute(db)
  const best = rows[0]
  if (!best) return { kind: version ? 'unknown-version' : 'none-published' }
  if (!best.fits) return { kind: 'incompatible', detail: explain(best, device) }
  const { package_id, version_code, format, size, sha256 } = best
  return {
    kind: 'fits',
    package: { packageId: package_id, versionCode: version_code, version: best.version, format, size, sha256 },
  }
}

interface Candidate {
  package_id: string
  version_code: number
  version: string
  format: 'apk' | 'eap'
  size: number
  sha256: string
  architectures: string[]
  min_platform_level: number | null
  os_versions: EapDetails['osVersions']
  is_signed: boolean
  fits: boolean
}

function explain(candidate: Candidate, device: PackageTarget): string {
  const { format, architectures, min_platform_level: level } = candidate
  if (device.appFormats.length > 0 && !device.appFormats.includes(format)) {
    return `Version ${candidate.version} is an .${format} package; this device takes ${device.appFormats.map((name) => `.${name}`).join(', ')}.`
  }
  if (architectures.length > 0 && device.architecture !== null && !architectures.includes(device.architecture)) {
    return `Version ${candidate.version} is made for ${architectures.join(', ')}; this device is ${device.architecture}.`
  }
  if (level !== null && device.platformLevel !== null && level > device.platformLevel) {
    return `Version ${candidate.version} needs platform level ${level}; this device has ${device.platformLevel}.`
  }
  if (!candidate.is_signed && device.unsignedApps === false) {
    return `Version ${candidate.version} is not signed, and this device takes signed apps only. Publish the signed package, or let the device accept unsigned apps.`
  }
  const versions = candidate.os_versions.map(describeRange).join(' or ')
  return `Version ${candidate.version} is made for ${versions || 'AXIS OS before 13'}; this device has AXIS OS ${device.firmwareVersion}.`
}

function describeRange({ min, max }: EapDetails['osVersions'][number]): string {
  if (min === null) return `AXIS OS up to ${max}`
  return max === null ? `AXIS OS from ${min}` : `AXIS OS ${min} to ${max}`
}
