import type { DownMessage, SiteShare } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { readSiteShares } from './site-shares.ts'

/**
 * Tells connected gateways what they may do now when it is another than at the last telling: budgets change by the hour
 * and by hand. What is kept here only saves messages; every process may tell, and the same twice does no harm.
 */
export function createBudgetTeller(options: {
  db: Database
  nowMs: () => number
  publish: (gatewayId: string, message: DownMessage) => void
}): { tellChanged(siteId: string): Promise<void>; tellHourly(): Promise<void> } {
  const { db, nowMs, publish } = options
  const told = new Map<string, string>()

  async function tell(siteIds: Parameters<typeof readSiteShares>[1]['siteIds'], isAsked: boolean): Promise<void> {
    const shares = await readSiteShares(db, { siteIds, nowMs: nowMs() })
    const news = shares.filter(({ gatewayId, session, site }) => {
      const key = `${gatewayId}/${site.siteId}`
      const text = JSON.stringify([session, site])
      const isNew = told.get(key) !== text
      told.set(key, text)
      return isNew || isAsked
    })
    for (const [gatewayId, own] of Map.groupBy(news, (share) => share.gatewayId)) {
      const [first] = own
      const sites: SiteShare[] = own.map(({ site }) => site)
      if (first) publish(gatewayId, { kind: 'budgets', session: first.session, sites })
    }
  }

  return {
    tellChanged: (siteId) => tell(sql`SELECT ${siteId}::uuid AS site_id`, true),
    async tellHourly() {
      if (told.size > 10_000) told.clear()
      await tell(sql`SELECT site_id FROM site WHERE budget_hours <> '[]'`, false)
    },
  }
}
