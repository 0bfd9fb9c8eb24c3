import { type RawBuilder, sql } from 'kysely'
import { ProblemError } from '../../platform/http/problem.ts'

/**
 * The condition that cameras of an app's newest version look for a license key of their own vendor. Such an app runs on no license
 * of ours, so installing it takes no unit.
 */
export function asksForVendorKey(appId: RawBuilder<unknown> | string): RawBuilder<boolean> {
  return sql<boolean>`coalesce((SELECT EXISTS (SELECT 1 FROM app_package vp WHERE vp.app_id = vv.app_id
      AND vp.version_code = vv.version_code AND vp.eap->>'copyProtection' = 'axis')
    FROM app_version vv WHERE vv.app_id = ${appId} AND vv.withdrawn_at IS NULL ORDER BY vv.version_code DESC LIMIT 1), false)`
}

export const vendorKeyMissing = (): ProblemError =>
  new ProblemError(
    'vendor-license-missing',
    'The camera wants a license key of its vendor for this app, and none is stored for this device. Get the key file from the vendor and send it to POST /license/v1/vendor-licenses; no unit is needed.',
  )
