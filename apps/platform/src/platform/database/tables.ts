import type {
  AppDowngrade,
  Connectivity,
  ConnectivityReason,
  DesiredRunningState,
  DeviceState,
  Drift,
  EapDetails,
  FoundCamera,
  InstallationError,
  InstallationState,
  LicensePlacement,
  LicenseState,
  LicenseType,
  OrderState,
  PackageFormat,
  Permission,
  Progress,
  RolloutAction,
  RolloutFilter,
  RolloutSchedule,
  RolloutState,
  RolloutStrategy,
  RunningState,
  SealingJwk,
  SiteBudgetHours,
  SiteShare,
} from '@ocelli/contract'
import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from 'kysely'

/** timestamptz arrives as RFC 3339 text in UTC and is written as such, as a Date, or as now() in SQL. */
type Time = string
type GeneratedTime = Generated<Time>

export interface AccountTable {
  account_id: Generated<string>
  name: string
  is_operator: Generated<boolean>
  suspended_at: Time | null
  recovery_key: JSONColumnType<SealingJwk> | null
  recovery_key_changed_at: Time | null
  created_at: GeneratedTime
}

export interface AccountUserTable {
  user_id: Generated<string>
  account_id: string
  email: string
  first_name: Generated<string>
  last_name: Generated<string>
  permissions: Permission[]
  auth_user_id: string | null
  created_at: GeneratedTime
}

export interface InvitationTable {
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

export interface TechnicalUserTable {
  client_id: string
  account_id: string
  name: string
  secret_hash: string
  permissions: Permission[]
  whole_account: boolean
  created_at: GeneratedTime
  last_used_at: Time | null
  revoked_at: Time | null
}

export interface AccessTokenTable {
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

export interface SignInRequestTable {
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

export interface ProjectTable {
  project_id: Generated<string>
  account_id: string
  name: string
  description: Generated<string>
  created_at: GeneratedTime
}

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
  created_at: GeneratedTime
}

export interface GatewayTable {
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
export interface SiteShareTable {
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

export interface EnrollmentTokenTable {
  token_hash: string
  account_id: string
  site_id: string
  created_at: GeneratedTime
  expires_at: Time
  used_at: Time | null
  replaces_gateway_id: string | null
}

export interface DeviceTable {
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
export interface DeviceChannelTable {
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

export interface RolloutTable {
  rollout_id: Generated<string>
  account_id: string
  name: string
  action: RolloutAction
  app_id: string
  version: string | null
  max_version_code: number | null
  license_type: LicenseType | null
  order_id: string | null
  filter: JSONColumnType<RolloutFilter> | null
  keep_open: Generated<boolean>
  project_ids: string[] | null
  strategy: JSONColumnType<RolloutStrategy>
  schedule: JSONColumnType<RolloutSchedule>
  when_offline: 'QUEUE' | 'SKIP' | 'FAIL'
  require_approval: Generated<boolean>
  state: RolloutState
  reason_code: string | null
  reason_detail: string | null
  is_open: Generated<boolean>
  wave: Generated<number>
  wave_ended_at: Time | null
  gate_passed: Generated<boolean>
  rate_tokens: Generated<number>
  rate_at: GeneratedTime
  site_cursor: Generated<string>
  offline_checked_at: GeneratedTime
  joined_at: GeneratedTime
  created_by_kind: string
  created_by_id: string | null
  approved_by_kind: string | null
  approved_by_id: string | null
  created_at: GeneratedTime
  start_at: GeneratedTime
  deadline_at: Time | null
  started_at: Time | null
  ended_at: Time | null
  updated_at: GeneratedTime
}

export interface AppTable {
  app_id: string
  account_id: string
  name: string
  short_description: Generated<string>
  description: Generated<string>
  industries: Generated<string[]>
  use_cases: Generated<string[]>
  integration_types: Generated<string[]>
  website: string | null
  video_url: string | null
  image_urls: Generated<string[]>
  trial_days: Generated<number>
  license_placement: JSONColumnType<LicensePlacement> | null
  visibility: Generated<'PRIVATE' | 'LISTED'>
  signer_sha256: string | null
  created_at: GeneratedTime
  updated_at: GeneratedTime
}

export interface AppVersionTable {
  app_id: string
  version_code: number
  version: string
  published_at: GeneratedTime
  withdrawn_at: Time | null
}

export interface AppPackageTable {
  package_id: Generated<string>
  app_id: string
  version_code: number
  format: PackageFormat
  architectures: Generated<string[]>
  min_platform_level: number | null
  size: number
  sha256: string
  signer_sha256: string | null
  eap: JSONColumnType<EapDetails> | null
  os_versions: Generated<JSONColumnType<EapDetails['osVersions']>>
  is_signed: Generated<boolean>
  published_at: GeneratedTime
}

export interface AppOrderTable {
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

export interface LicenseTable {
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

export interface OrderGrantTable {
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

export interface SigningKeyTable {
  key_id: string
  account_id: string
  user_id: string | null
  client_id: string | null
  name: string
  public_key: JSONColumnType<Record<string, unknown>>
  created_at: GeneratedTime
  revoked_at: Time | null
}

export interface BundleTable {
  bundle_id: string
  account_id: string
  manifest: string
  key_certificate: string
  root_thumbprint: string
  packages: JSONColumnType<Record<string, unknown>[]>
  outcomes: JSONColumnType<Record<string, unknown>[]>
  created_by: string
  created_at: GeneratedTime
  expires_at: Time
}

export interface ReceiptTable {
  receipt_id: string
  account_id: string
  key_id: string
  bundle_id: string | null
  signed_at: Time
  received_at: GeneratedTime
  reported_by: string
  statement: string
}

export interface ReceiptEntryTable {
  account_id: string
  nonce: string
  receipt_id: string
  license_id: string
  device_id: string
  app_id: string
  result: 'INSTALLED' | 'REMOVED' | 'FAILED'
  version: string | null
  detail: string | null
  at: Time
  counted_at: GeneratedTime
}

export interface InstallationTable {
  account_id: string
  device_id: string
  app_id: string
  name: string | null
  presence: 'PRESENT' | 'ABSENT' | null
  package_id: string | null
  desired_running_state: DesiredRunningState | null
  allow_downgrade: Generated<boolean>
  revision: Generated<number>
  settled: Generated<boolean>
  queued: Generated<boolean>
  requested_at: Time | null
  deadline_at: Time | null
  license_id: string | null
  installation_state: Generated<InstallationState>
  progress: JSONColumnType<Progress> | null
  error: JSONColumnType<InstallationError> | null
  drift: Drift | null
  managed: Generated<boolean>
  present: Generated<boolean>
  installed_version: string | null
  installed_version_code: number | null
  running_state: Generated<RunningState>
  observed_at: Time | null
  updatable: Generated<boolean>
  created_at: GeneratedTime
  updated_at: GeneratedTime
}

export interface EventTable {
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

export interface Tables {
  rollout: RolloutTable
  account: AccountTable
  client_assertion: { jti_hash: string; expires_at: Time }
  account_user: AccountUserTable
  invitation: InvitationTable
  technical_user: TechnicalUserTable
  access_token: AccessTokenTable
  sign_in_request: SignInRequestTable
  project: ProjectTable
  project_member: { account_id: string; project_id: string; user_id: string }
  technical_user_project: { account_id: string; client_id: string; project_id: string }
  project_device: { account_id: string; project_id: string; device_id: string }
  project_app: { account_id: string; project_id: string; app_id: string }
  site: SiteTable
  gateway: GatewayTable
  site_share: SiteShareTable
  enrollment_token: EnrollmentTokenTable
  device: DeviceTable
  device_channel: DeviceChannelTable
  app: AppTable
  app_version: AppVersionTable
  app_package: AppPackageTable
  app_order: AppOrderTable
  license: LicenseTable
  trial_issued: { account_id: string; app_id: string; device_id: string; license_id: string; issued_at: GeneratedTime }
  maker_key: {
    app_id: string
    key_id: string
    public_key: JSONColumnType<Record<string, unknown>>
    added_by: string
    created_at: GeneratedTime
  }
  order_grant: OrderGrantTable
  signing_key: SigningKeyTable
  bundle: BundleTable
  bundle_license: { bundle_id: string; license_id: string }
  receipt: ReceiptTable
  receipt_entry: ReceiptEntryTable
  installation: InstallationTable
  event: EventTable
  idempotency_key: {
    scope_hash: string
    request_hash: string
    status: number
    headers: JSONColumnType<Record<string, string>>
    body: string
    created_at: GeneratedTime
  }
  instance_key: {
    purpose: 'ca' | 'access-token' | 'license-root' | 'license-signing'
    key_id: string
    public_part: JSONColumnType<Record<string, unknown>>
    sealed_private_part: string
    created_at: GeneratedTime
    retired_at: Time | null
  }
  device_transfer: {
    transfer_id: Generated<string>
    from_account_id: string
    to_account_id: string
    device_id: string
    with_licenses: boolean
    state: Generated<'OFFERED' | 'ACCEPTED' | 'DECLINED' | 'WITHDRAWN'>
    offered_at: GeneratedTime
    decided_at: Time | null
  }
  blob: { sha256: string; size: number; created_at: GeneratedTime }
}
