import type { ShareInUse, SiteShare } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { isFreshStamp } from '../../platform/database/fresh-stamp.ts'
import { divideBudget, mayGoOnSeconds, type Sharer } from './share-rules.ts'
import { budgetNow, type SiteBudget, shareOf } from './site-budget.ts'

/** What a connected gateway is to be told of one of its sites. */
export interface GatewayShare {
  gatewayId: string
  session: number
  site: SiteShare
}

interface Row extends SiteBudget, Sharer {
  siteId: string
  repair: SiteShare['repair']
  addressRanges: string[]
  session: number
  isConnected: boolean
  awaySeconds: number
  largestPackage: number
  /** Null: nothing is written down for it yet. */
  number: number | null
  told: SiteShare | null
  isOverdue: boolean
}

interface Outcome {
  siteId: string
  gatewayId: string
  share: number
  held: number
  number: number
  told: SiteShare
  isNew: boolean
}

const repeatAfterSeconds = 5

/**
 * Divides the budgets of sites at this hour among their gateways, and gives what is to be told after COMMIT: shares that
 * have changed, those of the gateways `renewFor`, whose sessions begin, and those that nobody has confirmed for some seconds. `siteIds` is a
 * query for the sites; with `skipLocked` those that another process divides right now are left to it.
 */
export async function divideSites(
  db: DatabaseTransaction,
  { siteIds, nowMs, renewFor = new Set(), skipLocked = false }: DivideOptions,
): Promise<GatewayShare[]> {
  const { rows: locked } = await sql<{ siteId: string }>`
    SELECT site_id AS "siteId" FROM site WHERE site_id = ANY(ARRAY(${siteIds})) ORDER BY site_id
    FOR NO KEY UPDATE ${skipLocked ? sql`SKIP LOCKED` : sql``}`.execute(db)
  if (locked.length === 0) return []
  const ids = locked.map(({ siteId }) => siteId)
  // in the order in which confirmations take them: neither ever waits for the other in a circle
  await sql`SELECT FROM site_share WHERE site_id = ANY(${ids}::uuid[]) ORDER BY site_id, gateway_id FOR UPDATE`.execute(
    db,
  )
  // a statement of its own, so that it sees what was committed before the locks were had
  const rows = await readSharers(db, ids)
  const outcomes: (Outcome & { session: number; isTold: boolean })[] = []
  const gone: { siteId: string; gatewayId: string }[] = []
  for (const sharers of Map.groupBy(rows, ({ siteId }) => siteId).values()) {
    const kept = sharers.filter((sharer) => !hasLeft(sharer))
    gone.push(...sharers.filter((sharer) => hasLeft(sharer) && sharer.number !== null))
    outcomes.push(...divideSite(kept, { nowMs, renewFor }))
  }
  await write(
    db,
    outcomes.filter(({ isNew }) => isNew),
  )
  await remove(db, gone)
  const told = outcomes.filter(({ isTold }) => isTold)
  const again = told.filter(({ isNew }) => !isNew)
  await noteToldAgain(db, again)
  return told.map(({ gatewayId, session, told: site }) => ({ gatewayId, session, site }))
}

interface DivideOptions {
  siteIds: RawBuilder<unknown>
  nowMs: number
  renewFor?: ReadonlySet<string>
  skipLocked?: boolean
}

/** It has nothing here any more, and what it had begun has ended, by its own word or by its own deadlines. */
function hasLeft(sharer: Row): boolean {
  if (sharer.isServing) return false
  if (sharer.isConnected) return !sharer.confirms || sharer.held === 0
  const { held, told, largestPackage, awaySeconds } = sharer
  const uploadBytesPerSecond = told?.uploadBytesPerSecond ?? null
  return held === 0 || awaySeconds > mayGoOnSeconds(largestPackage, { share: held, uploadBytesPerSecond })
}

function divideSite(sharers: Row[], { nowMs, renewFor }: { nowMs: number; renewFor: ReadonlySet<string> }) {
  const [first] = sharers
  if (!first) return []
  const budget = budgetNow(first, nowMs)
  const divided = divideBudget(budget.maxInFlight, sharers)
  const rateOf = (rate: number | null, place: number) =>
    rate === null ? null : shareOf(rate, { place, sharers: sharers.length })
  return sharers.map((sharer, place) => {
    const { siteId, gatewayId, session, repair, addressRanges, isConnected, isOverdue } = sharer
    const { share, held } = divided.get(gatewayId) ?? { share: 0, held: sharer.held }
    const site: SiteShare = {
      ...{ siteId, repair, addressRanges, maxInFlight: share, isShared: sharers.length > 1 },
      downloadBytesPerSecond: rateOf(budget.downloadBytesPerSecond, place),
      uploadBytesPerSecond: rateOf(budget.uploadBytesPerSecond, place),
    }
    const isRenewed = renewFor.has(gatewayId)
    const isNew = isRenewed || held !== sharer.held || !isSame(sharer.told, site)
    const number = (sharer.number ?? 0) + (isNew ? 1 : 0)
    const isTold = isConnected && (isNew || isOverdue)
    return { siteId, gatewayId, session, share, held, number, told: { ...site, number }, isNew, isTold }
  })
}

const isSame = (told: SiteShare | null, site: SiteShare): boolean =>
  told !== null &&
  told.repair === site.repair &&
  told.maxInFlight === site.maxInFlight &&
  told.isShared === site.isShared &&
  told.downloadBytesPerSecond === site.downloadBytesPerSecond &&
  told.uploadBytesPerSecond === site.uploadBytesPerSecond &&
  JSON.stringify(told.addressRanges) === JSON.stringify(site.addressRanges)

/** Gateways that are connected and have devices there or live there, and those that hold something still. */
async function readSharers(db: Database, siteIds: string[]): Promise<Row[]> {
  // from the sites to their own devices and gateways: asked of each gateway, a hello would read the whole account. OFFSET 0:
  // looks into indexes, one for each, whatever the planner knows of tables that have just grown
  const { rows } = await sql<Row>`
    WITH near AS (
      SELECT n.site_id, n.gateway_id, bool_or(n.serves) AS serves FROM (
        SELECT g.site_id, g.gateway_id, true AS serves FROM gateway g WHERE g.site_id = ANY(${siteIds}::uuid[])
        UNION ALL
        SELECT d.site_id, d.gateway_id, true FROM site s
        CROSS JOIN LATERAL (SELECT o.site_id, o.gateway_id FROM device o
          WHERE o.account_id = s.account_id AND o.site_id = s.site_id AND o.state = 'CLAIMED' OFFSET 0) d
        WHERE s.site_id = ANY(${siteIds}::uuid[])
        UNION ALL
        SELECT h.site_id, h.gateway_id, false FROM site_share h WHERE h.site_id = ANY(${siteIds}::uuid[])) n
      GROUP BY n.site_id, n.gateway_id)
    SELECT s.site_id AS "siteId", s.repair, s.address_ranges AS "addressRanges", s.time_zone AS "timeZone",
      s.max_in_flight AS "maxInFlight", s.download_bytes_per_second AS "downloadBytesPerSecond",
      s.upload_bytes_per_second AS "uploadBytesPerSecond", s.budget_hours AS "budgetHours",
      g.gateway_id AS "gatewayId", g.session, g.connected AS "isConnected", g.confirms_shares AS confirms,
      g.connected AND n.serves AS "isServing", extract(epoch FROM now() - coalesce(g.away_at, g.last_message_at, g.created_at))::float8 AS "awaySeconds",
      CASE WHEN g.connected THEN 0 ELSE (SELECT coalesce(max(p.size), 0) FROM device d
        JOIN installation i ON i.account_id = d.account_id AND i.device_id = d.device_id AND NOT i.settled
        JOIN app_package p ON p.package_id = i.package_id
        WHERE d.gateway_id = g.gateway_id AND d.account_id = g.account_id) END::float8 AS "largestPackage",
      coalesce(h.share, 0) AS share, coalesce(h.held, 0) AS held, coalesce(h.wants, 0) AS wants, h.number, h.told,
      extract(epoch FROM now() - coalesce(h.share_since, g.created_at))::float8 AS "sinceSeconds",
      coalesce(g.confirms_shares AND h.confirmed_number IS DISTINCT FROM h.number
        AND NOT ${isFreshStamp(sql.ref('h.told_at'), sql`${repeatAfterSeconds} * interval '1 second'`)}, false) AS "isOverdue"
    FROM near n CROSS JOIN LATERAL (SELECT * FROM site o WHERE o.site_id = n.site_id OFFSET 0) s
    CROSS JOIN LATERAL (SELECT * FROM gateway o WHERE o.gateway_id = n.gateway_id OFFSET 0) g
    LEFT JOIN LATERAL (SELECT * FROM site_share o WHERE o.site_id = n.site_id AND o.gateway_id = n.gateway_id OFFSET 0) h ON true
    WHERE g.account_id = s.account_id AND (h.site_id IS NOT NULL OR (g.connected AND n.serves))
    ORDER BY s.site_id, g.gateway_id`.execute(db)
  return rows
}

/**
 * Writes down what is told now. What a gateway confirms meanwhile lowers `held` at most: written back it is too much, which
 * does no harm. A gateway that is away is told when it comes back, whatever stands here.
 */
async function write(db: Database, outcomes: Outcome[]): Promise<void> {
  if (outcomes.length === 0) return
  const given = outcomes.map(({ siteId, gatewayId, share, held, number, told }) => ({
    ...{ siteId, gatewayId, share, held, number, told },
  }))
  await sql`
    INSERT INTO site_share AS h (site_id, gateway_id, share, held, number, told)
    SELECT * FROM jsonb_to_recordset(${JSON.stringify(given)}::jsonb)
      AS n("siteId" uuid, "gatewayId" uuid, share integer, held integer, number bigint, told jsonb)
    ON CONFLICT (site_id, gateway_id) DO UPDATE SET share = excluded.share, held = excluded.held, number = excluded.number,
      told = excluded.told, told_at = now(), confirmed_number = NULL,
      share_since = CASE WHEN (h.share = 0) = (excluded.share = 0) THEN h.share_since ELSE now() END`.execute(db)
}

async function remove(db: Database, gone: { siteId: string; gatewayId: string }[]): Promise<void> {
  if (gone.length === 0) return
  await sql`DELETE FROM site_share h USING jsonb_to_recordset(${JSON.stringify(gone)}::jsonb) AS n("siteId" uuid, "gatewayId" uuid)
    WHERE h.site_id = n."siteId" AND h.gateway_id = n."gatewayId"`.execute(db)
}

async function noteToldAgain(db: Database, again: { siteId: string; gatewayId: string }[]): Promise<void> {
  if (again.length === 0) return
  await sql`UPDATE site_share h SET told_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(again.map(({ siteId, gatewayId }) => ({ siteId, gatewayId })))}::jsonb) AS n("siteId" uuid, "gatewayId" uuid)
    WHERE h.site_id = n."siteId" AND h.gateway_id = n."gatewayId"`.execute(db)
}

/**
 * What row `h` holds after word `n`. Under a number that is confirmed a gateway can only have less at work than before: more is
 * said by a message that was on its way while later ones passed it, and those places may be somebody else's by now.
 */
const heldAfter = sql`CASE WHEN n.number <> h.number THEN h.held
  WHEN h.confirmed_number = n.number THEN least(h.held, greatest(h.share, n."inFlight"))
  ELSE greatest(h.share, n."inFlight") END`

/**
 * Writes down what gateways say they do under the shares they were told. Gives the sites of several gateways where that
 * changed something: there shares may have to be moved.
 */
export async function noteSharesInUse(
  db: Database,
  said: (ShareInUse & { gatewayId: string; session: number })[],
): Promise<string[]> {
  if (said.length === 0) return []
  const { rows } = await sql<{ siteId: string }>`
    WITH said AS MATERIALIZED (
      SELECT n.* FROM jsonb_to_recordset(${JSON.stringify(said)}::jsonb)
        AS n("siteId" uuid, "gatewayId" uuid, session bigint, number bigint, "inFlight" integer, waiting integer)
      CROSS JOIN LATERAL (SELECT o.session, o.connected FROM gateway o WHERE o.gateway_id = n."gatewayId" OFFSET 0) g
      WHERE g.session = n.session AND g.connected
    ), locked AS MATERIALIZED (
      SELECT h.site_id, h.gateway_id FROM site_share h JOIN said n ON h.site_id = n."siteId" AND h.gateway_id = n."gatewayId"
      ORDER BY h.site_id, h.gateway_id FOR UPDATE OF h
    ), noted AS (
      UPDATE site_share h SET wants = n."inFlight" + n.waiting,
        held = ${heldAfter},
        confirmed_number = CASE WHEN n.number = h.number THEN n.number ELSE h.confirmed_number END
      FROM said n JOIN locked l ON l.site_id = n."siteId" AND l.gateway_id = n."gatewayId"
      WHERE h.site_id = l.site_id AND h.gateway_id = l.gateway_id
        AND (h.wants <> n."inFlight" + n.waiting
          OR (n.number = h.number AND (h.confirmed_number IS DISTINCT FROM n.number OR h.held <> ${heldAfter})))
      RETURNING h.site_id)
    SELECT DISTINCT n.site_id AS "siteId" FROM noted n
    WHERE (SELECT count(*) FROM site_share h WHERE h.site_id = n.site_id) > 1`.execute(db)
  return rows.map(({ siteId }) => siteId)
}

/** Clean stops: what they held is free at once. Gives their sites. */
export async function giveBackShares(db: Database, gatewayIds: string[]): Promise<string[]> {
  if (gatewayIds.length === 0) return []
  const { rows } = await sql<{ siteId: string }>`DELETE FROM site_share h
    WHERE h.gateway_id = ANY(${gatewayIds}::uuid[]) AND NOT (SELECT g.connected FROM gateway g WHERE g.gateway_id = h.gateway_id)
    RETURNING h.site_id AS "siteId"`.execute(db)
  return rows.map(({ siteId }) => siteId)
}
