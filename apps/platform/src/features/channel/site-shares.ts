import type { SiteShare } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { budgetNow, type SiteBudget, shareOf } from '../sites/site-budget.ts'

/** What a connected gateway may do in one of its sites. */
export interface GatewayShare {
  gatewayId: string
  session: number
  site: SiteShare
}

interface Row extends SiteBudget {
  gatewayId: string
  session: number
  siteId: string
  repair: SiteShare['repair']
  addressRanges: string[]
  place: number
  sharers: number
}

/**
 * Shares of the sites' budgets at this hour: connected gateways of one site get shares that sum to it (rules.md 1), the
 * first ones what is left over, and each at least one. `siteIds` is a query for the sites.
 */
export async function readSiteShares(
  db: Database,
  { siteIds, gatewayId, nowMs }: { siteIds: RawBuilder<unknown>; gatewayId?: string; nowMs: number },
): Promise<GatewayShare[]> {
  const { rows } = await sql<Row>`
    WITH mine AS (${siteIds}),
    sharer AS (
      SELECT m.site_id, g.gateway_id, g.session, row_number() OVER (PARTITION BY m.site_id ORDER BY g.gateway_id) - 1 AS place,
        count(*) OVER (PARTITION BY m.site_id) AS sharers
      FROM mine m JOIN site s ON s.site_id = m.site_id
      JOIN gateway g ON g.account_id = s.account_id AND g.connected AND (g.site_id = m.site_id OR EXISTS (
        SELECT 1 FROM device d WHERE d.gateway_id = g.gateway_id AND d.site_id = m.site_id AND d.state = 'CLAIMED')))
    SELECT h.gateway_id AS "gatewayId", h.session, s.site_id AS "siteId", s.repair, s.address_ranges AS "addressRanges",
      s.time_zone AS "timeZone", s.max_in_flight AS "maxInFlight", s.download_bytes_per_second AS "downloadBytesPerSecond",
      s.budget_hours AS "budgetHours", h.place::int AS place, h.sharers::int AS sharers
    FROM sharer h JOIN site s ON s.site_id = h.site_id
    WHERE ${gatewayId ?? null}::uuid IS NULL OR h.gateway_id = ${gatewayId ?? null}::uuid ORDER BY s.site_id`.execute(
    db,
  )
  return rows.map((row) => ({ gatewayId: row.gatewayId, session: row.session, site: toShare(row, nowMs) }))
}

function toShare(row: Row, nowMs: number): SiteShare {
  const { siteId, repair, addressRanges } = row
  const budget = budgetNow(row, nowMs)
  return {
    ...{ siteId, repair, addressRanges },
    maxInFlight: shareOf(budget.maxInFlight, row),
    downloadBytesPerSecond: budget.downloadBytesPerSecond === null ? null : shareOf(budget.downloadBytesPerSecond, row),
  }
}
