import type { DayWindow } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { isInWindow, wallClock } from '../sites/day-window.ts'
import { budgetNow, type SiteBudget } from '../sites/site-budget.ts'
import type { RolloutRow } from './rollout-row.ts'

export const firstSite = '00000000-0000-0000-0000-000000000000'

/** Sites looked at in one step: a fleet of sites that are all full costs no more than this. */
const sitesAtOnce = 500

export interface Candidates {
  deviceIds: string[]
  /** Where the next look begins. */
  siteCursor: string
  /** Sites after the cursor were left out. */
  hasMore: boolean
}

/**
 * Pending devices whose turn it is, site after site from the cursor: within the window by the site's clock, within the
 * site's budget over all rollouts and single requests of the account, and within this rollout's own limit per site.
 */
export async function findCandidates(
  db: Database,
  rollout: RolloutRow,
  { limit, nowMs }: { limit: number; nowMs: number },
): Promise<Candidates> {
  const nothing = { deviceIds: [], siteCursor: firstSite, hasMore: false }
  const window = rollout.schedule.window ?? null
  const zones = window ? await openZones(db, rollout.accountId, { window, nowMs }) : null
  if (limit <= 0) return nothing
  const budgets = await readHourlyBudgets(db, rollout.accountId, nowMs)
  const found = await look(db, rollout, { limit, zones, budgets })
  const isCut = found.deviceIds.length === limit
  // past the last site the next look begins with the first one again
  const siteCursor = (isCut ? found.lastUsed : found.hasNext ? found.lastVisited : null) ?? firstSite
  return {
    deviceIds: found.deviceIds,
    siteCursor,
    hasMore: isCut || found.hasNext || isWorthAnotherRound(rollout, found),
  }
}

/** The sites before the cursor: those of a look that was cut, or that ended some; else all have been seen to be full or closed. */
const isWorthAnotherRound = ({ siteCursor }: RolloutRow, { deviceIds, visited }: Found): boolean =>
  siteCursor !== firstSite && (deviceIds.length > 0 || visited === 0)

interface Found {
  deviceIds: string[]
  lastUsed: string | null
  lastVisited: string | null
  visited: number
  /** Sites after the last visited one were left out. */
  hasNext: boolean
}

async function look(
  db: Database,
  rollout: RolloutRow,
  {
    limit,
    zones,
    budgets,
  }: { limit: number; zones: string[] | null; budgets: { siteId: string; maxInFlight: number }[] },
): Promise<Found> {
  const { rolloutId, accountId, wave, strategy, siteCursor } = rollout
  const due = sql`rd.rollout_id = ${rolloutId} AND rd.turn = ${wave}::smallint AND rd.state = 'PENDING'`
  const { rows } = await sql<Found>`
    WITH RECURSIVE hop (site_id) AS (
      (SELECT rd.site_id FROM rollout_device rd WHERE ${due} AND rd.site_id > ${siteCursor}::uuid ORDER BY rd.site_id LIMIT 1)
      UNION ALL
      SELECT (SELECT rd.site_id FROM rollout_device rd WHERE ${due} AND rd.site_id > h.site_id ORDER BY rd.site_id LIMIT 1)
      FROM hop h WHERE h.site_id IS NOT NULL
    ), visited AS MATERIALIZED (
      SELECT site_id FROM hop WHERE site_id IS NOT NULL LIMIT ${sitesAtOnce}
    ), single AS MATERIALIZED (${singlesUnderWay(accountId)}
    ), room AS MATERIALIZED (
      SELECT v.site_id, least(coalesce(b."maxInFlight", s.max_in_flight, 1000) - l.n - coalesce(single.n, 0),
        ${strategy.maxInFlightPerSite ?? null}::bigint - l.own) AS n
      FROM visited v LEFT JOIN LATERAL (SELECT o.site_id, o.max_in_flight, o.time_zone FROM site o
        WHERE o.account_id = ${accountId} AND o.site_id = v.site_id OFFSET 0) s ON true
      CROSS JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE rd.rollout_id = ${rolloutId}) AS own FROM rollout_device rd
        WHERE rd.site_id = v.site_id AND rd.account_id = ${accountId} AND rd.state = 'IN_FLIGHT') l
      LEFT JOIN single ON single.site_id = v.site_id
      LEFT JOIN jsonb_to_recordset(${JSON.stringify(budgets)}::jsonb) AS b("siteId" uuid, "maxInFlight" integer) ON b."siteId" = v.site_id
      -- without a site no clock says when: unclaimed, gone and moved devices are told apart at their turn, and no camera hears of it
      WHERE ${zones}::text[] IS NULL OR s.site_id IS NULL OR s.time_zone = ANY(${zones}::text[])
    ), chosen AS MATERIALIZED (
      SELECT r.site_id, c.device_id FROM (SELECT * FROM room WHERE n > 0 ORDER BY site_id) r
      CROSS JOIN LATERAL (SELECT rd.device_id FROM rollout_device rd WHERE ${due} AND rd.site_id = r.site_id AND rd.due_at <= now()
        ORDER BY rd.due_at LIMIT r.n) c
      LIMIT ${limit}
    )
    SELECT coalesce((SELECT array_agg(device_id) FROM chosen), '{}') AS "deviceIds", (SELECT count(*)::int FROM visited) AS visited,
      (SELECT site_id FROM chosen ORDER BY site_id DESC LIMIT 1) AS "lastUsed",
      last.site_id AS "lastVisited",
      EXISTS (SELECT FROM rollout_device rd WHERE ${due} AND rd.site_id > last.site_id) AS "hasNext"
    FROM (SELECT (SELECT site_id FROM visited ORDER BY site_id DESC LIMIT 1)) AS last (site_id)`.execute(db)
  return rows[0] ?? { deviceIds: [], lastUsed: null, lastVisited: null, visited: 0, hasNext: false }
}

/** Devices by site that a single request is at work on and no rollout waits for: they go first, rollouts take what is left. */
const singlesUnderWay = (accountId: string) => sql`
  SELECT d.site_id, count(*) AS n FROM (
    SELECT DISTINCT i.device_id FROM installation i
    WHERE i.account_id = ${accountId} AND NOT i.settled AND NOT i.queued AND i.rollout_revision IS DISTINCT FROM i.revision) i
  -- OFFSET 0: a look into an index for each, never all that are online once more for each
  CROSS JOIN LATERAL (SELECT o.site_id, o.connectivity FROM device o
    WHERE o.account_id = ${accountId} AND o.device_id = i.device_id OFFSET 0) d
  -- NOT IN: those in flight are read once
  WHERE d.connectivity = 'ONLINE' AND i.device_id NOT IN (SELECT rd.device_id FROM rollout_device rd
    WHERE rd.account_id = ${accountId} AND rd.state = 'IN_FLIGHT')
  GROUP BY d.site_id`

async function openZones(
  db: Database,
  accountId: string,
  { window, nowMs }: { window: DayWindow; nowMs: number },
): Promise<string[]> {
  const { rows } = await sql<{
    zone: string
  }>`SELECT DISTINCT time_zone AS zone FROM site WHERE account_id = ${accountId}`.execute(db)
  return rows.map(({ zone }) => zone).filter((zone) => isInWindow(window, wallClock(zone, nowMs)))
}

/** Sites whose budget is another at this hour. */
async function readHourlyBudgets(
  db: Database,
  accountId: string,
  nowMs: number,
): Promise<{ siteId: string; maxInFlight: number }[]> {
  const { rows } = await sql<SiteBudget & { siteId: string }>`
    SELECT site_id AS "siteId", time_zone AS "timeZone", max_in_flight AS "maxInFlight",
      download_bytes_per_second AS "downloadBytesPerSecond", upload_bytes_per_second AS "uploadBytesPerSecond", budget_hours AS "budgetHours"
    FROM site WHERE account_id = ${accountId} AND budget_hours <> '[]'`.execute(db)
  return rows.map((site) => ({ siteId: site.siteId, maxInFlight: budgetNow(site, nowMs).maxInFlight }))
}
