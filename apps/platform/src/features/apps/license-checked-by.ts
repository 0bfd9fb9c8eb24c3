import type { LicenseCheckedBy } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'

/**
 * Who looks at licenses of the app `a` (app; LEFT JOIN allowed) in this version on a device with this driver. ONVIF cameras look at
 * every license; Axis cameras at those of apps that Axis protects, or whose listing puts them there. Of a device that no driver has
 * met (NULL), what the version's packages say together. NULL where the app or the version is not known.
 */
export function licenseCheckedBy({
  versionCode,
  driver = sql`NULL::text`,
}: {
  versionCode: RawBuilder<unknown>
  driver?: RawBuilder<unknown>
}): RawBuilder<LicenseCheckedBy | null> {
  return sql<LicenseCheckedBy | null>`CASE
    WHEN a.app_id IS NULL OR ${versionCode} IS NULL THEN NULL
    WHEN ${driver} IS NOT DISTINCT FROM 'onvif' OR a.license_placement->>'kind' = 'CAMERA' OR EXISTS (
        SELECT 1 FROM app_package checked WHERE checked.app_id = a.app_id AND checked.version_code = ${versionCode}
          AND (checked.eap->>'copyProtection' = 'axis' OR (checked.format <> 'eap' AND ${driver} IS DISTINCT FROM 'vapix')))
      THEN 'CAMERA'
    WHEN a.license_placement IS NULL THEN 'NOBODY'
    ELSE 'APP' END`
}

/** A scalar subquery: the newest version of the app `a` that is not withdrawn. */
export const newestVersionCode = sql`(SELECT v.version_code FROM app_version v
  WHERE v.app_id = a.app_id AND v.withdrawn_at IS NULL ORDER BY v.version_code DESC LIMIT 1)`
