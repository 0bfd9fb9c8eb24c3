import type { SealingJwk, SiteBudgetHours, SiteShare } from '@ocelli/contract'
import type { ColumnType, Generated, JSONColumnType } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

export interface SiteTable {
  site_id: Generated<string>
  account_id: string
  name: string
  time_zone: Generated<string>
  max_in_flight: Generated<number>
  download_bytes_per_second: number | null
  upload_bytes_per_second: Generated<number | null>
  budget_hours: ColumnType<SiteBudgetHours[], string | undefined, string>
  repair: Generated<'request' | 'auto'>
  address_ranges: Generated<string[]>
  /** Of the built-in gateway. */
  is_local: Generated<boolean>
  created_at: GeneratedTime
}

interface GatewayTable {
  gateway_id: Generated<string>
  account_id: string
  site_id: string
  name: string
  version: string | null
  public_key: JSONColumnType<Record<string, unknown>>
  certificate_serial: string
  certificate_expires_at: Time
  revoked_at: Time | null
  session: Generated<number>
  connection_id: string | null
  connected: Generated<boolean>
  last_message_at: Time | null
  sealing_key: JSONColumnType<SealingJwk> | null
  confirms_shares: Generated<boolean>
  away_at: Time | null
  sets_passwords: Generated<boolean>
  created_at: GeneratedTime
}

/** Changed by raw SQL alone (features/sites/share-store.ts). */
interface SiteShareTable {
  site_id: string
  gateway_id: string
  share: number
  held: number
  wants: number
  number: number
  confirmed_number: number | null
  told: JSONColumnType<SiteShare>
  told_at: Time
  share_since: Time
}

interface EnrollmentTokenTable {
  token_hash: string
  account_id: string
  site_id: string
  created_at: GeneratedTime
  expires_at: Time
  used_at: Time | null
  replaces_gateway_id: string | null
}

/** Places, the gateways in them and how they share a site's budget. */
export interface SiteTables {
  site: SiteTable
  gateway: GatewayTable
  site_share: SiteShareTable
  enrollment_token: EnrollmentTokenTable
}
