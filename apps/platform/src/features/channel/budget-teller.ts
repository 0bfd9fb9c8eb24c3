import type { DownMessage, ShareInUse, SiteShare } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { divideSites, type GatewayShare, giveBackShares, noteSharesInUse } from '../sites/share-store.ts'
import { budgetNow, type SiteBudget } from '../sites/site-budget.ts'

/** Keeps gateways told of what they may do: by hand, by the hour, and as they come, go, and have more or less to do. */
export interface BudgetTeller {
  tell(shares: GatewayShare[]): void
  /** What gateways say they do; moves shares to where cameras wait. */
  noteInUse(said: (ShareInUse & { gatewayId: string; session: number })[]): Promise<void>
  /** Gateways that stopped cleanly. */
  giveBack(gatewayIds: string[]): Promise<void>
  /** Everything that no message announces: hours, turns, ended holds, and what was told and not confirmed. */
  sweep(): Promise<void>
}

export function createBudgetTeller(options: {
  db: Database
  nowMs: () => number
  publish: (gatewayId: string, message: DownMessage) => void
}): BudgetTeller {
  const { db, nowMs, publish } = options
  /** Budgets of sites with hours, as this process saw them last. Only saves work: shares are kept in the database. */
  const seen = new Map<string, string>()

  function tell(shares: GatewayShare[]): void {
    for (const [gatewayId, own] of Map.groupBy(shares, (share) => share.gatewayId)) {
      const [first] = own
      const sites: SiteShare[] = own.map(({ site }) => site)
      if (first) publish(gatewayId, { kind: 'budgets', session: first.session, sites })
    }
  }

  async function divide(siteIds: RawBuilder<unknown>, skipLocked = false): Promise<void> {
    tell(await inTransaction(db, (transaction) => divideSites(transaction, { siteIds, nowMs: nowMs(), skipLocked })))
  }
  const those = (siteIds: string[]) => sql`SELECT unnest(${siteIds}::uuid[])`

  async function sitesOfNewHours(): Promise<string[]> {
    const { rows } = await sql<SiteBudget & { siteId: string }>`
      SELECT site_id AS "siteId", time_zone AS "timeZone", max_in_flight AS "maxInFlight", budget_hours AS "budgetHours",
        download_bytes_per_second AS "downloadBytesPerSecond", upload_bytes_per_second AS "uploadBytesPerSecond"
      FROM site WHERE budget_hours <> '[]'`.execute(db)
    if (seen.size > 10_000) seen.clear()
    return rows.flatMap((site) => {
      const budget = JSON.stringify(budgetNow(site, nowMs()))
      const isSeen = seen.get(site.siteId) === budget
      seen.set(site.siteId, budget)
      return isSeen ? [] : [site.siteId]
    })
  }

  return {
    tell,
    async noteInUse(said) {
      const siteIds = await noteSharesInUse(db, said)
      if (siteIds.length > 0) await divide(those(siteIds))
    },
    async giveBack(gatewayIds) {
      const siteIds = await giveBackShares(db, gatewayIds)
      if (siteIds.length > 0) await divide(those(siteIds))
    },
    async sweep() {
      const hourly = await sitesOfNewHours()
      await divide(
        sql`SELECT unnest(${hourly}::uuid[])
          UNION SELECT site_id FROM site_share GROUP BY site_id HAVING count(*) > 1
          UNION SELECT h.site_id FROM site_share h JOIN gateway g ON g.gateway_id = h.gateway_id AND g.connected AND g.confirms_shares
            WHERE h.confirmed_number IS DISTINCT FROM h.number`,
        true,
      )
    },
  }
}
