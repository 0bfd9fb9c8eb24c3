import type {
  LicenseType,
  RolloutAction,
  RolloutCounters,
  RolloutFilter,
  RolloutSchedule,
  RolloutState,
  RolloutStrategy,
} from '@ocelli/contract'
import { sql } from 'kysely'
import { isFreshStamp } from '../../platform/database/fresh-stamp.ts'

/** A rollout as the engine works on it. */
export interface RolloutRow {
  rolloutId: string
  accountId: string
  action: RolloutAction
  appId: string
  version: string | null
  maxVersionCode: number | null
  licenseType: LicenseType | null
  orderId: string | null
  filter: RolloutFilter | null
  keepOpen: boolean
  projectIds: string[] | null
  strategy: RolloutStrategy
  schedule: RolloutSchedule
  whenOffline: 'QUEUE' | 'SKIP' | 'FAIL'
  state: RolloutState
  rollbackOf: string | null
  wave: number
  waveEndedAt: string | null
  gatePassed: boolean
  siteCursor: string
  createdByKind: string
  createdById: string | null
  isDue: boolean
  isPastDeadline: boolean
  /** Devices that the rate allowed to begin and that have not. */
  rateTokens: number
  secondsSinceRate: number
  looksAtOffline: boolean
  looksForJoiners: boolean
}

const seconds = (count: number) => sql`${count} * interval '1 second'`

const offlineEverySeconds = 10
const joinEverySeconds = 30

export const rolloutColumns = sql`
  r.rollout_id AS "rolloutId", r.account_id AS "accountId", r.action, r.app_id AS "appId", r.version,
  r.max_version_code AS "maxVersionCode", r.license_type AS "licenseType", r.order_id AS "orderId", r.filter,
  r.keep_open AS "keepOpen", r.project_ids AS "projectIds", r.strategy, r.schedule, r.when_offline AS "whenOffline", r.state,
  r.rollback_of AS "rollbackOf",
  r.wave, r.wave_ended_at AS "waveEndedAt", r.gate_passed AS "gatePassed", r.site_cursor AS "siteCursor",
  r.created_by_kind AS "createdByKind", r.created_by_id AS "createdById", r.start_at <= now() AS "isDue",
  coalesce(r.deadline_at <= now(), false) AS "isPastDeadline", r.rate_tokens AS "rateTokens",
  abs(extract(epoch FROM now() - r.rate_at))::float8 AS "secondsSinceRate",
  NOT ${isFreshStamp(sql.ref('r.offline_checked_at'), seconds(offlineEverySeconds))} AS "looksAtOffline",
  r.keep_open AND NOT ${isFreshStamp(sql.ref('r.joined_at'), seconds(joinEverySeconds))} AS "looksForJoiners"`

/** The counters of a wave `w` as JSON. */
export const waveCounters = sql<RolloutCounters>`jsonb_build_object('total', w.total, 'pending', w.pending, 'offline', w.offline,
  'inFlight', w.in_flight, 'succeeded', w.succeeded, 'alreadyDone', w.already_done, 'failed', w.failed, 'rejected', w.rejected,
  'timedOut', w.timed_out, 'skipped', w.skipped, 'cancelled', w.cancelled)`
