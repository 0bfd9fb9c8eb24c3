import type { Generated, JSONColumnType } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface EventTable {
  event_id: Generated<number>
  xid: Generated<string>
  account_id: string
  type: string
  at: GeneratedTime
  actor_kind: 'user' | 'technical-user' | 'gateway' | 'platform'
  actor_id: string | null
  device_id: string | null
  app_id: string | null
  license_id: string | null
  order_id: string | null
  project_ids: string[] | null
  request_id: string | null
  data: JSONColumnType<Record<string, unknown>>
}

interface IdempotencyKeyTable {
  scope_hash: string
  request_hash: string
  status: number
  headers: JSONColumnType<Record<string, string>>
  body: string
  created_at: GeneratedTime
}

interface InstanceKeyTable {
  purpose: 'ca' | 'access-token' | 'license-root' | 'license-signing'
  key_id: string
  public_part: JSONColumnType<Record<string, unknown>>
  sealed_private_part: string
  created_at: GeneratedTime
  retired_at: Time | null
}

/** What all rooms of an instance have in common: its history, its keys and the answers it repeats. */
export interface InstanceTables {
  event: EventTable
  idempotency_key: IdempotencyKeyTable
  instance_key: InstanceKeyTable
}
