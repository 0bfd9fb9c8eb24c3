import type {
  Rollout,
  RolloutCounters,
  RolloutDevice,
  RolloutDeviceDetail,
  RolloutDevicePage,
  RolloutDeviceQuery,
  RolloutPage,
  RolloutQuery,
} from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { Database } from '../../platform/database/database.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { sumCounters } from './judge.ts'
import { waveCounters } from './rollout-row.ts'

interface Row extends Omit<Rollout, 'counters' | 'createdBy' | 'approvedBy' | 'reason' | 'devices'> {
  filter: Rollout['devices']['filter']
  keepOpen: boolean
  reasonCode: string | null
  reasonDetail: string | null
  createdByKind: string
  createdById: string | null
  approvedByKind: string | null
  approvedById: string | null
  waves: { wave: number; counters: RolloutCounters; startedAt: string | null; endedAt: string | null }[]
  position: string
}

/** Own rollouts, and those made for projects that the caller shares; who sees the whole account sees all. */
export function seesRollout(caller: Caller): RawBuilder<boolean> {
  if (caller.scope.all) return sql<boolean>`true`
  return sql<boolean>`((r.created_by_kind = ${caller.kind} AND r.created_by_id = ${caller.id})
    OR (r.project_ids IS NOT NULL AND r.project_ids && ${caller.scope.projectIds}::uuid[]))`
}

/**
 * Nobody changes what happens to devices out of their sight: refuses a caller who does not see all devices of the rollout that are
 * still in the account, or, where more may join, all that may. Throws ProblemError `permission-missing`.
 */
export async function requireWholeSight(
  db: Database,
  caller: Caller,
  { rolloutId, keepOpen, projectIds }: { rolloutId: string; keepOpen: boolean; projectIds: string[] | null },
): Promise<void> {
  if (caller.scope.all) return
  const { rows } = await sql<{ hidden: boolean; foreign: boolean }>`
    SELECT EXISTS (SELECT 1 FROM rollout_device rd
        CROSS JOIN LATERAL (SELECT o.project_ids FROM device o WHERE o.account_id = rd.account_id AND o.device_id = rd.device_id OFFSET 0) d
        WHERE rd.rollout_id = ${rolloutId} AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))}) AS hidden,
      EXISTS (SELECT 1 FROM project p WHERE p.account_id = ${caller.accountId}
        AND (${projectIds}::uuid[] IS NULL OR p.project_id = ANY(${projectIds}::uuid[]))
        AND NOT p.project_id = ANY(${caller.scope.projectIds}::uuid[])) AS "foreign"`.execute(db)
  const mayJoinUnseen = keepOpen && rows[0]?.foreign === true
  if (rows[0]?.hidden === false && !mayJoinUnseen) return
  throw new ProblemError(
    'permission-missing',
    'This rollout has devices outside your projects, or may take some in. Only who sees all of them may change it: ask somebody with projects:manage.',
    { requiredPermission: 'projects:manage' },
  )
}

async function selectRollouts(
  db: Database,
  accountId: string,
  { where, limit }: { where: RawBuilder<unknown>; limit: number },
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    SELECT r.rollout_id AS "rolloutId", r.name, r.action, r.app_id AS "appId", r.version, r.license_type AS "licenseType",
      r.order_id AS "orderId", r.state, r.reason_code AS "reasonCode", r.reason_detail AS "reasonDetail", r.filter,
      r.keep_open AS "keepOpen", r.strategy, r.schedule, r.when_offline AS "whenOffline", r.require_approval AS "requireApproval",
      r.wave + 1 AS wave, r.created_by_kind AS "createdByKind", r.created_by_id AS "createdById",
      r.approved_by_kind AS "approvedByKind", r.approved_by_id AS "approvedById", r.created_at AS "createdAt",
      r.started_at AS "startedAt", r.ended_at AS "endedAt", r.updated_at AS "updatedAt",
      r.rollback_of AS "rollbackOf", (SELECT b.rollout_id FROM rollout b WHERE b.rollback_of = r.rollout_id) AS "rolledBackBy",
      extract(epoch FROM r.created_at)::numeric::text || '/' || r.rollout_id AS position,
      (SELECT jsonb_agg(jsonb_build_object('wave', w.wave + 1, 'counters', ${waveCounters}, 'startedAt', rfc3339(w.started_at),
        'endedAt', rfc3339(w.ended_at)) ORDER BY w.wave) FROM rollout_wave w WHERE w.rollout_id = r.rollout_id) AS waves
    FROM rollout r WHERE r.account_id = ${accountId} AND ${where}
    ORDER BY r.created_at DESC, r.rollout_id DESC LIMIT ${limit}`.execute(db)
  return rows
}

function toRollout(row: Row): Rollout {
  const {
    filter,
    keepOpen,
    reasonCode,
    reasonDetail,
    createdByKind,
    createdById,
    approvedByKind,
    approvedById,
    ...rest
  } = row
  const { position: _position, ...shown } = rest
  return {
    ...shown,
    reason: reasonCode ? { code: reasonCode, detail: reasonDetail ?? '' } : null,
    devices: { filter, keepOpen },
    counters: sumCounters(row.waves.map(({ counters }) => counters)),
    createdBy: { kind: createdByKind, id: createdById },
    approvedBy: approvedByKind ? { kind: approvedByKind, id: approvedById } : null,
  }
}

export async function readRollout({ db, caller }: Pick<Context, 'db' | 'caller'>, rolloutId: string): Promise<Rollout> {
  const where = sql`r.rollout_id = ${rolloutId} AND ${seesRollout(caller)}`
  const [row] = await selectRollouts(db, caller.accountId, { where, limit: 1 })
  if (!row) throw notFound(`The rollout ${rolloutId}`)
  return toRollout(row)
}

/** Newest first. */
export async function listRollouts({ db, caller }: Context, query: RolloutQuery): Promise<RolloutPage> {
  const size = query.size ?? 50
  const conditions = [seesRollout(caller) as RawBuilder<unknown>]
  if (query.state) conditions.push(sql`r.state = ${query.state}`)
  if (query.appId) conditions.push(sql`r.app_id = ${query.appId}`)
  if (query.cursor) {
    const [, seconds, rolloutId] =
      /^(\d{1,10}(?:\.\d{1,6})?)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(fromCursor(query.cursor)) ?? []
    if (!seconds || !rolloutId) throw wrongCursor()
    conditions.push(sql`(r.created_at, r.rollout_id) < (to_timestamp(${seconds}::numeric), ${rolloutId}::uuid)`)
  }
  const rows = await selectRollouts(db, caller.accountId, { where: sql.join(conditions, sql` AND `), limit: size })
  const last = rows.at(-1)
  return { items: rows.map(toRollout), nextCursor: rows.length === size && last ? toCursor(last.position) : null }
}

/** Devices of a rollout by device id; a person sees those of their projects and those in none. */
export async function listRolloutDevices(
  context: Context,
  rolloutId: string,
  query: RolloutDeviceQuery,
): Promise<RolloutDevicePage> {
  const size = query.size ?? 100
  await requireRollout(context, rolloutId)
  const conditions = [sql`rd.rollout_id = ${rolloutId}`, seesRolloutDevice(context.caller)]
  if (query.state) conditions.push(sql`rd.state = ${sql.lit(query.state)}`)
  if (query.cursor) conditions.push(sql`rd.device_id > ${fromCursor(query.cursor)}`)
  const { rows } = await sql<RolloutDevice>`${selectDevices} WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY rd.device_id LIMIT ${size}`.execute(context.db)
  const last = rows.at(-1)
  return { items: rows, nextCursor: rows.length === size && last ? toCursor(last.deviceId) : null }
}

/** One device with its history: the events that this rollout wrote about it. */
export async function readRolloutDevice(
  context: Context,
  { rolloutId, deviceId }: { rolloutId: string; deviceId: string },
): Promise<RolloutDeviceDetail> {
  const { db, caller } = context
  await requireRollout(context, rolloutId)
  const { rows } = await sql<RolloutDevice>`${selectDevices}
    WHERE rd.rollout_id = ${rolloutId} AND rd.device_id = ${deviceId} AND ${seesRolloutDevice(caller)}`.execute(db)
  const [device] = rows
  if (!device) throw notFound(`The device ${deviceId} in this rollout`)
  const history = await sql<RolloutDeviceDetail['history'][number]>`
    SELECT e.at, e.type, e.data FROM event e
    WHERE e.account_id = ${caller.accountId} AND e.device_id = ${deviceId} AND e.data->>'rolloutId' = ${rolloutId}
    ORDER BY e.xid, e.event_id LIMIT 1000`.execute(db)
  return { ...device, history: history.rows }
}

const versionOf = (column: string) =>
  sql`(SELECT v.version FROM app_version v WHERE v.app_id = r.app_id AND v.version_code = ${sql.ref(`rd.${column}`)})`

const selectDevices = sql`
  SELECT rd.device_id AS "deviceId", nullif(rd.site_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') AS "siteId", rd.wave + 1 AS wave,
    rd.state, ${versionOf('from_version_code')} AS "fromVersion", ${versionOf('to_version_code')} AS "toVersion", rd.attempts, rd.reason, rd.detail, rd.error,
    CASE WHEN rd.state = 'PENDING' AND rd.due_at > now() THEN rd.due_at END AS "nextAttemptAt",
    rd.started_at AS "startedAt", rd.ended_at AS "endedAt", rd.updated_at AS "updatedAt"
  FROM rollout_device rd JOIN rollout r ON r.rollout_id = rd.rollout_id
  LEFT JOIN device d ON d.account_id = rd.account_id AND d.device_id = rd.device_id`

/** A device that is gone is shown to whoever sees the whole account. */
function seesRolloutDevice(caller: Caller): RawBuilder<boolean> {
  if (caller.scope.all) return sql<boolean>`true`
  return sql<boolean>`(d.device_id IS NOT NULL AND ${seesProjects(caller, sql.ref('d.project_ids'))})`
}

async function requireRollout({ db, caller }: Context, rolloutId: string): Promise<void> {
  const { rows } =
    await sql`SELECT 1 FROM rollout r WHERE r.account_id = ${caller.accountId} AND r.rollout_id = ${rolloutId}
    AND ${seesRollout(caller)}`.execute(db)
  if (rows.length === 0) throw notFound(`The rollout ${rolloutId}`)
}

const toCursor = (position: string): string => Buffer.from(position).toString('base64url')

function fromCursor(cursor: string): string {
  const position = Buffer.from(cursor, 'base64url').toString()
  if (position === '' || position.includes('\0')) throw wrongCursor()
  return position
}

function wrongCursor(): ProblemError {
  return new ProblemError('invalid-request', 'This cursor is not valid here. Start again without it.', {
    errors: [{ pointer: '/cursor', code: 'invalid', detail: 'is not a cursor of this list' }],
  })
}
