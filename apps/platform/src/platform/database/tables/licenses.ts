import type { LicenseState, LicenseType, OrderState } from '@ocelli/contract'
import type { Generated } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface AppOrderTable {
  order_id: Generated<string>
  account_id: string
  app_id: string
  license_type: LicenseType
  total: number
  used: Generated<number>
  state: Generated<OrderState>
  term_days: number | null
  valid_until: Time | null
  reference: string | null
  placed_at: GeneratedTime
  confirmed_at: Time | null
  confirmed_by: string | null
  cancelled_at: Time | null
  grant_id: string | null
  ended_at: Time | null
}

interface OrderGrantTable {
  grant_id: string
  account_id: string
  app_id: string
  license_type: LicenseType
  quantity: number
  term_days: number | null
  maker_order: string
  key_id: string
  statement: string
  imported_at: GeneratedTime
  imported_by: string
}

interface LicenseTable {
  license_id: Generated<string>
  account_id: string
  app_id: string
  device_id: string
  license_type: LicenseType
  order_id: string | null
  issuer: Generated<'PLATFORM' | 'VENDOR'>
  state: LicenseState
  token: string | null
  key_certificate: string | null
  valid_from: Time | null
  valid_until: Time | null
  created_at: GeneratedTime
  issued_at: Time | null
  released_at: Time | null
  release_reason: string | null
  renewal: Generated<number>
  renewed_at: Time | null
  expired_at: Time | null
  warned_days: number | null
  ran_at_expiry: Generated<boolean>
}

interface TrialIssuedTable {
  account_id: string
  app_id: string
  device_id: string
  license_id: string
  issued_at: GeneratedTime
}

/** Bought units and what each was spent on. */
export interface LicenseTables {
  app_order: AppOrderTable
  order_grant: OrderGrantTable
  license: LicenseTable
  trial_issued: TrialIssuedTable
}
