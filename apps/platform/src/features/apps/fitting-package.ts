import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'

/** What decides whether a package can run on a device. No formats known and null: nothing stands against it. */
export interface PackageTarget {
  appFormats: readonly string[]
  architecture: string | null
  /** Android API level */
  platformLevel: number | null
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
export const packageFitsDevice: RawBuilder<boolean> = fits({
  appFormats: sql`d.app_formats`,
  architecture: sql`d.architecture`,
  platformLevel: sql`d.platform_level`,
})

/** Of several packages `p` that fit, the one made for the device comes before the one for any. */
export const bestPackageFirst = sql`p.version_code DESC, cardinality(p.architectures) = 0, p.min_platform_level DESC NULLS LAST, p.package_id`

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
  const target = {
    appFormats: sql`${device.appFormats}::text[]`,
    architecture: sql`${device.architecture}::text`,
    platformLevel: sql`${device.platformLevel}::int`,
  }
  const { rows } = await sql<Candidate>`
    SELECT p.package_id, p.version_code, v.version, p.format, p.size, p.sha256, p.architectures, p.min_platform_level,
      ${fits(target)} AS fits
    FROM app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
    WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL AND (${version ?? null}::text IS NULL OR v.version = ${version ?? null})
    ORDER BY fits DESC, ${bestPackageFirst} LIMIT 1`.execute(db)
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
  fits: boolean
}

function fits(device: {
  appFormats: RawBuilder<unknown>
  architecture: RawBuilder<unknown>
  platformLevel: RawBuilder<unknown>
}): RawBuilder<boolean> {
  return sql<boolean>`((p.format = ANY(${device.appFormats}) OR cardinality(${device.appFormats}) = 0)
    AND (p.architectures = '{}' OR ${device.architecture} IS NULL OR ${device.architecture} = ANY(p.architectures))
    AND (p.min_platform_level IS NULL OR ${device.platformLevel} IS NULL OR p.min_platform_level <= ${device.platformLevel}))`
}

function explain(candidate: Candidate, device: PackageTarget): string {
  const { format, architectures, min_platform_level: level } = candidate
  if (device.appFormats.length > 0 && !device.appFormats.includes(format)) {
    return `Version ${candidate.version} is an .${format} package; this device takes ${device.appFormats.map((name) => `.${name}`).join(', ')}.`
  }
  if (architectures.length > 0 && device.architecture !== null && !architectures.includes(device.architecture)) {
    return `Version ${candidate.version} is made for ${architectures.join(', ')}; this device is ${device.architecture}.`
  }
  return `Version ${candidate.version} needs platform level ${level}; this device has ${device.platformLevel}.`
}
