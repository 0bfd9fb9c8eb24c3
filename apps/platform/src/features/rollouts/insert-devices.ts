import type { LicenseType, RolloutAction, RolloutFilter } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { ProjectScope } from '../../platform/auth/caller.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { newestFittingAsks } from '../apps/asks-for-vendor-key.ts'
import { filterOf } from '../devices/list-devices.ts'

export type Selection = { kind: 'list'; deviceIds: string[] } | { kind: 'filter'; filter: RolloutFilter }

export interface Selecting {
  rolloutId: string
  accountId: string
  action: RolloutAction
  appId: string
  version: string | null
  maxVersionCode: number | null
  licenseType: LicenseType | null
}

const joinersAtOnce = 2000

/**
 * Writes the selected devices by one INSERT ... SELECT and gives their number. A list keeps its order over the waves; what
 * a filter selects is spread by a hash, so that a first wave is not one corner of the fleet. Joiners go into the last wave.
 */
export async function insertDevices(
  db: DatabaseTransaction,
  rollout: Selecting,
  { scope, selection, joining }: { scope: ProjectScope; selection: Selection; joining: boolean },
): Promise<number> {
  const { rolloutId, accountId } = rollout
  const listed =
    selection.kind === 'list'
      ? sql`JOIN unnest(${selection.deviceIds}::text[]) WITH ORDINALITY AS listed (device_id, place) ON listed.device_id = d.device_id`
      : sql``
  const place =
    selection.kind === 'list'
      ? sql`listed.place`
      : sql`hashtextextended(d.device_id, hashtextextended(${rolloutId}, 0))`
  const fresh = joining
    ? sql`AND NOT EXISTS (SELECT 1 FROM rollout_device r WHERE r.rollout_id = ${rolloutId} AND r.device_id = d.device_id)
        LIMIT ${joinersAtOnce}`
    : sql``
  const wave = joining
    ? sql`SELECT max(w.wave) AS wave FROM rollout_wave w WHERE w.rollout_id = ${rolloutId}`
    : sql`SELECT min(w.wave) AS wave FROM rollout_wave w WHERE w.rollout_id = ${rolloutId}
        AND s.n <= coalesce(ceil(s.total * w.percent / 100), w.count)`
  const { rows } = await sql<{ count: number }>`
    WITH found AS (
      SELECT d.device_id, d.site_id, ${place} AS place, ${needsUnit(rollout)} AS needs_unit
      FROM device d ${listed} WHERE ${filterOf({ accountId, scope }, selection.kind === 'filter' ? selection.filter : {})} ${fresh}
    ), selected AS MATERIALIZED (
      SELECT f.*, row_number() OVER (ORDER BY f.place, f.device_id) AS n, count(*) OVER () AS total FROM found f
    ), inserted AS (
      INSERT INTO rollout_device (rollout_id, account_id, device_id, site_id, wave, turn, due_at, license_id)
      SELECT ${rolloutId}, ${accountId}, s.device_id, coalesce(s.site_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), w.wave, w.wave,
        -- a day ago: a clock that is set back meanwhile keeps nobody from its first turn
        now() - interval '1 day' + s.n * interval '1 microsecond', CASE WHEN s.needs_unit THEN gen_random_uuid() END
      FROM selected s CROSS JOIN LATERAL (${wave}) w
      RETURNING 1
    )
    SELECT count(*)::int AS count FROM inserted`.execute(db)
  return rows[0]?.count ?? 0
}

/**
 * Rows for `reserveUnits`: the devices that this transaction has inserted and that need a unit, in their order. Those that
 * it has ended or sent back to wait have been taken up before.
 */
export const unitsOfInserted = (rolloutId: string): RawBuilder<unknown> => sql`
  SELECT rd.device_id, rd.license_id, row_number() OVER (ORDER BY rd.wave, rd.due_at) AS n FROM rollout_device rd
  WHERE rd.rollout_id = ${rolloutId} AND rd.license_id IS NOT NULL AND rd.updated_at = now() AND rd.state = 'PENDING'
    AND rd.attempts = 0`

const asGood: Record<LicenseType, string[]> = {
  FULL: ['FULL'],
  SUBSCRIPTION: ['FULL', 'SUBSCRIPTION'],
  TRIAL: ['FULL', 'SUBSCRIPTION', 'TRIAL'],
}

/** An install takes a unit where a package fits that runs on one, no license as good is held, and a trial was not used before. */
function needsUnit({ action, accountId, appId, version, maxVersionCode, licenseType }: Selecting): RawBuilder<unknown> {
  if (action !== 'INSTALL' || !licenseType) return sql`false`
  const asks = newestFittingAsks({
    appId,
    version: sql`${version}::text`,
    maxVersionCode: sql`${maxVersionCode}::bigint`,
  })
  return sql`(d.state = 'CLAIMED' AND ${asks} IS FALSE
    AND NOT EXISTS (SELECT 1 FROM license l WHERE l.account_id = ${accountId} AND l.device_id = d.device_id AND l.app_id = ${appId}
      AND l.issuer = 'PLATFORM' AND l.state IN ('RESERVED', 'VALID') AND l.license_type = ANY(${asGood[licenseType]}::text[])
      AND (l.valid_until IS NULL OR l.valid_until > now()))
    AND (${licenseType} <> 'TRIAL' OR NOT EXISTS (SELECT 1 FROM trial_issued t
      WHERE t.account_id = ${accountId} AND t.app_id = ${appId} AND t.device_id = d.device_id)))`
}
