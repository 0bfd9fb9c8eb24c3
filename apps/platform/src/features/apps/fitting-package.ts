import type { EapDetails, PackageFormat } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { packageAsksForVendorKey } from './package-asks.ts'

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
  /** Its cameras look for a key of their vendor, and for nothing of ours. */
  asksForVendorKey: boolean
  versionCode: number
  version: string
  format: PackageFormat
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

/**
 * A scalar subquery: the package that comes first for the device `d`, as a JSON `PackageCandidate`, or NULL where none is
 * published. One that fits comes before one that does not, so that a refusal can say what stands against the newest.
 */
export function firstCandidate({
  appId,
  version,
  maxVersionCode,
  versionCode,
}: {
  /** A value, or a column. */
  appId: string | RawBuilder<string>
  version?: string | RawBuilder<string | null> | null | undefined
  /** Newer versions are not looked at. */
  maxVersionCode?: number | null
  /** This version alone; a column or value. */
  versionCode?: RawBuilder<unknown> | undefined
}) {
  const only = version ?? null
  return sql<PackageCandidate | null>`(SELECT jsonb_build_object('packageId', c.package_id, 'versionCode', c.version_code, 'version', c.version,
      'format', c.format, 'size', c.size, 'sha256', c.sha256, 'architectures', c.architectures, 'minPlatformLevel', c.min_platform_level,
      'osVersions', c.os_versions, 'isSigned', c.is_signed, 'asksForVendorKey', c.asks, 'fits', c.fits)
    FROM (SELECT p.*, v.version, ${packageFitsDevice} AS fits, ${packageAsksForVendorKey} AS asks
      FROM app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
      WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL AND (${only}::text IS NULL OR v.version = ${only})
        AND (${maxVersionCode ?? null}::bigint IS NULL OR v.version_code <= ${maxVersionCode ?? null})
        ${versionCode ? sql`AND v.version_code = ${versionCode}` : sql``}
      ORDER BY fits DESC, p.version_code DESC, (p.architectures = '{}' OR d.architecture = ANY(p.architectures)) DESC,
        ${bestPackageFirst} LIMIT 1) c)`
}

/** What the first candidate means for the device. */
export function judgeCandidate(
  candidate: PackageCandidate | null,
  { device, version }: { device: PackageTarget; version?: string | null | undefined },
): FittingPackage {
  if (!candidate) return { kind: version ? 'unknown-version' : 'none-published' }
  if (!candidate.fits) return { kind: 'incompatible', detail: explainMisfit(candidate, device).detail }
  const { packageId, versionCode, format, size, sha256, asksForVendorKey } = candidate
  const { version: found } = candidate
  return { kind: 'fits', package: { packageId, versionCode, version: found, format, size, sha256, asksForVendorKey } }
}

/** The package to install: the newest that fits, or that of the version asked for. Withdrawn versions are unknown here. */
export async function findFittingPackage(
  db: Database,
  { device, appId, version }: { device: PackageTarget; appId: string; version?: string | null | undefined },
): Promise<FittingPackage> {
  const { rows } = await sql<{ candidate: PackageCandidate | null }>`
    SELECT ${firstCandidate({ appId, version })} AS candidate
    FROM (SELECT ${device.appFormats}::text[] AS app_formats, ${device.architecture}::text AS architecture,
      ${device.platformLevel}::int AS platform_level, ${device.firmwareVersion}::text AS firmware_version,
      ${device.unsignedApps}::boolean AS unsigned_apps) d`.execute(db)
  return judgeCandidate(rows[0]?.candidate ?? null, { device, version })
}

export interface PackageCandidate extends ChosenPackage {
  architectures: string[]
  minPlatformLevel: number | null
  osVersions: EapDetails['osVersions']
  isSigned: boolean
  fits: boolean
}

/** Why a package does not run on a device. Reasons: package-format, architecture, platform-level, signature-policy, firmware. */
export function explainMisfit(candidate: PackageCandidate, device: PackageTarget): { reason: string; detail: string } {
  const { version, format, architectures, minPlatformLevel: level } = candidate
  if (device.appFormats.length > 0 && !device.appFormats.includes(format)) {
    const takes = device.appFormats.map((name) => `.${name}`).join(', ')
    return {
      reason: 'package-format',
      detail: `Version ${version} is an .${format} package; this device takes ${takes}.`,
    }
  }
  if (architectures.length > 0 && device.architecture !== null && !architectures.includes(device.architecture)) {
    const detail = `Version ${version} is made for ${architectures.join(', ')}; this device is ${device.architecture}.`
    return { reason: 'architecture', detail }
  }
  if (level !== null && device.platformLevel !== null && level > device.platformLevel) {
    const detail = `Version ${version} needs platform level ${level}; this device has ${device.platformLevel}.`
    return { reason: 'platform-level', detail }
  }
  if (!candidate.isSigned && device.unsignedApps === false) {
    const detail = `Version ${version} is not signed, and this device takes signed apps only. Publish the signed package, or let the device accept unsigned apps.`
    return { reason: 'signature-policy', detail }
  }
  const versions = candidate.osVersions.map(describeRange).join(' or ')
  const detail = `Version ${version} is made for ${versions || 'AXIS OS before 13'}; this device has AXIS OS ${device.firmwareVersion}.`
  return { reason: 'firmware', detail }
}

function describeRange({ min, max }: EapDetails['osVersions'][number]): string {
  if (min === null) return `AXIS OS up to ${max}`
  return max === null ? `AXIS OS from ${min}` : `AXIS OS ${min} to ${max}`
}
