import { type RawBuilder, sql } from 'kysely'

/**
 * The condition that cameras look for a license key of their own vendor before they run the package `p` (app_package). What runs on
 * one runs on no license of ours, so installing it takes no unit. Versions of an app may differ in it, and packages of a version too.
 */
export const packageAsksForVendorKey: RawBuilder<boolean> = sql<boolean>`(p.format = 'eap' AND (p.eap->>'copyProtection' = 'axis'
  OR EXISTS (SELECT 1 FROM app va WHERE va.app_id = p.app_id AND va.license_placement->>'kind' = 'CAMERA')))`
