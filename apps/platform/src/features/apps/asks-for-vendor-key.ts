import { type RawBuilder, sql } from 'kysely'
import { ProblemError } from '../../platform/http/problem.ts'
import { bestPackageFirst, packageFitsDevice } from './fitting-package.ts'
import { packageAsksForVendorKey } from './package-asks.ts'

/** Whether cameras look for a key of their vendor before they run this package; false where there is none. */
export function asksForVendorKey(packageId: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`EXISTS (SELECT 1 FROM app_package p WHERE p.package_id = ${packageId} AND ${packageAsksForVendorKey})`
}

/** The condition that some version of the app, published or withdrawn since, asks for one. */
export function appKnowsVendorKeys(appId: RawBuilder<unknown> | string): RawBuilder<boolean> {
  return sql<boolean>`EXISTS (SELECT 1 FROM app_package p WHERE p.app_id = ${appId} AND ${packageAsksForVendorKey})`
}

/** Of the published versions, what the newest package says that is made for the device `d` (device). */
export function newestFittingAsks({
  appId,
  version = sql`NULL::text`,
  maxVersionCode = sql`NULL::bigint`,
}: {
  appId: RawBuilder<unknown> | string
  version?: RawBuilder<unknown>
  maxVersionCode?: RawBuilder<unknown>
}): RawBuilder<boolean | null> {
  return sql<boolean | null>`(SELECT ${packageAsksForVendorKey}
    FROM app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
    WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL AND (${version} IS NULL OR v.version = ${version})
      AND (${maxVersionCode} IS NULL OR v.version_code <= ${maxVersionCode}) AND ${packageFitsDevice}
    ORDER BY ${bestPackageFirst} LIMIT 1)`
}

/**
 * What holds for an app on a device of an account: the version wished for there, else the newest that is made for it, else (a device
 * never seen) the newest version, where every package of it must ask.
 */
export function pairAsksForVendorKey(pair: {
  accountId: string
  appId: string
  deviceId: string
}): RawBuilder<boolean> {
  const { accountId, appId, deviceId } = pair
  return sql<boolean>`coalesce(
    (SELECT ${asksForVendorKey(sql.ref('i.package_id'))} FROM installation i WHERE i.account_id = ${accountId}
      AND i.device_id = ${deviceId} AND i.app_id = ${appId} AND i.presence = 'PRESENT' AND i.package_id IS NOT NULL),
    (SELECT ${newestFittingAsks({ appId })} FROM device d WHERE d.account_id = ${accountId} AND d.device_id = ${deviceId}
      AND cardinality(d.app_formats) > 0),
    (SELECT bool_and(${packageAsksForVendorKey}) FROM app_package p WHERE p.app_id = ${appId} AND p.version_code =
      (SELECT v.version_code FROM app_version v WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL ORDER BY v.version_code DESC LIMIT 1)),
    false)`
}

export const vendorKeyMissing = (): ProblemError =>
  new ProblemError(
    'vendor-license-missing',
    'The camera wants a license key of its vendor for this version of the app, and none is stored for this device. Get the key file from the vendor and send it to POST /license/v1/vendor-licenses; no unit is needed.',
  )
