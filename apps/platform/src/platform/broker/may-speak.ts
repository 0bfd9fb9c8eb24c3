import { sql } from 'kysely'

/**
 * Gateway `g` may speak: it is not revoked, nor is its account suspended. The account is looked up for each gateway: a join
 * lets the planner begin at the account and read all of its gateways, which it does while statistics lag behind the table.
 */
export const maySpeak = sql<boolean>`(g.revoked_at IS NULL
  AND (SELECT a.suspended_at IS NULL FROM account a WHERE a.account_id = g.account_id))`
