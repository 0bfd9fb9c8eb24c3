import type { AppDowngrade, Connectivity, ConnectivityReason, DeviceState, FoundCamera } from '@ocelli/contract'
import type { Generated, GeneratedAlways } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface DeviceTable {
  account_id: string
  device_id: string
  state: DeviceState
  name: string | null
  manufacturer: string | null
  model: string | null
  serial_number: string | null
  mac_address: string | null
  firmware_version: string | null
  architecture: string | null
  platform_level: number | null
  unsigned_apps: boolean | null
  app_downgrade: AppDowngrade | null
  driver: string | null
  app_formats: Generated<string[]>
  address: string | null
  site_id: string | null
  gateway_id: string | null
  project_ids: Generated<string[]>
  customer: string | null
  location: string | null
  tags: Generated<string[]>
  connectivity: Generated<Connectivity>
  connectivity_reason: ConnectivityReason | null
  connectivity_detail: string | null
  /** What answers at its address instead. */
  replacement: FoundCamera | null
  last_seen_at: Time | null
  clock_offset_seconds: number | null
  certificate_expires_at: Time | null
  identity_source: string | null
  apps_update_possible: Generated<boolean>
  assignment: Generated<number>
  claimed_at: Time | null
  created_at: GeneratedTime
  updated_at: GeneratedTime
  /** The JSON of the device as the API answers it. */
  document: GeneratedAlways<string>
}

/** A row for each device, made and moved by triggers on `device`. */
interface DeviceChannelTable {
  account_id: string
  device_id: string
  gateway_id: string | null
  revision: Generated<number>
  reported_revision: Generated<number>
  sent_at: Time | null
  sent_revision: Generated<number>
  sent_session: Generated<number>
  send_count: Generated<number>
  report_session: Generated<number>
  report_seq: Generated<number>
}

interface DeviceTransferTable {
  transfer_id: Generated<string>
  from_account_id: string
  to_account_id: string
  device_id: string
  with_licenses: boolean
  state: Generated<'OFFERED' | 'ACCEPTED' | 'DECLINED' | 'WITHDRAWN'>
  offered_at: GeneratedTime
  decided_at: Time | null
}

/** Cameras, what was sent to each and heard of it, and their way to another account. */
export interface DeviceTables {
  device: DeviceTable
  device_channel: DeviceChannelTable
  device_transfer: DeviceTransferTable
}
