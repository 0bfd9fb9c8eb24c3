import type {
  DesiredRunningState,
  Drift,
  InstallationError,
  InstallationState,
  LicenseType,
  Progress,
  RolloutAction,
  RolloutFilter,
  RolloutSchedule,
  RolloutState,
  RolloutStrategy,
  RunningState,
} from '@ocelli/contract'
import type { Generated, JSONColumnType } from 'kysely'
import type { GeneratedTime, Time } from './time.ts'

interface InstallationTable {
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

interface RolloutTable {
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

/** What is wanted on each device, one at a time or by a rollout. */
export interface InstallationTables {
  installation: InstallationTable
  rollout: RolloutTable
}
