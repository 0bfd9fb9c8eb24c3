import type { Permission, SealingJwk } from '@ocelli/contract'
import type { Generated, JSONColumnType } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface AccountTable {
  account_id: Generated<string>
  name: string
  is_operator: Generated<boolean>
  suspended_at: Time | null
  recovery_key: JSONColumnType<SealingJwk> | null
  recovery_key_changed_at: Time | null
  created_at: GeneratedTime
}

interface AccountUserTable {
  user_id: Generated<string>
  account_id: string
  email: string
  first_name: Generated<string>
  last_name: Generated<string>
  permissions: Permission[]
  auth_user_id: string | null
  created_at: GeneratedTime
}

interface InvitationTable {
  invitation_id: Generated<string>
  account_id: string
  email: string
  permissions: Permission[]
  token_hash: string
  invited_by: string
  created_at: GeneratedTime
  expires_at: Time
  accepted_at: Time | null
  revoked_at: Time | null
}

interface TechnicalUserTable {
  client_id: string
  account_id: string
  name: string
  secret_hash: string
  /** Grows with each new secret. */
  secret_number: Generated<number>
  permissions: Permission[]
  whole_account: boolean
  created_at: GeneratedTime
  last_used_at: Time | null
  revoked_at: Time | null
}

interface ClientAssertionTable {
  jti_hash: string
  expires_at: Time
}

interface AccessTokenTable {
  token_id: Generated<string>
  account_id: string
  user_id: string
  name: string
  token_hash: string
  permissions: Permission[] | null
  created_at: GeneratedTime
  expires_at: Time | null
  last_used_at: Time | null
  revoked_at: Time | null
}

interface SignInRequestTable {
  device_code_hash: string
  user_code: string
  client_name: string
  state: Generated<'PENDING' | 'APPROVED' | 'DENIED'>
  account_id: string | null
  user_id: string | null
  permissions: Permission[] | null
  requested_at: GeneratedTime
  expires_at: Time
  last_polled_at: Time | null
}

/** An account, its people and its machines, and how they sign in. */
export interface AccountTables {
  account: AccountTable
  account_user: AccountUserTable
  invitation: InvitationTable
  technical_user: TechnicalUserTable
  client_assertion: ClientAssertionTable
  access_token: AccessTokenTable
  sign_in_request: SignInRequestTable
}
