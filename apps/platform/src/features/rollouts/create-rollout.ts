import type { Rollout, RolloutRequest, RolloutWave } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { eventProjects } from '../../platform/auth/visibility.ts'
import { brokenConstraint, type Database, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { appVisibleTo } from '../apps/app-store.ts'
import { pickOrder } from '../licenses/pick-order.ts'
import type { RolloutWish } from './admission-rules.ts'
import { insertDevices, type Selecting, type Selection, unitsOfInserted } from './insert-devices.ts'
import { requireOpenRoom } from './open-rollouts.ts'
import { requireWayBack } from './require-way-back.ts'
import { reserveUnits } from './reserve-units.ts'
import { readRollout } from './rollout-view.ts'

/** Offline devices are waited for so long when the request names no deadline. */
const defaultDeadlineDays = 30
const creationTries = 3

export function selectionOf({ devices }: RolloutRequest): Selection {
  const deviceIds = devices.deviceIds ? [...new Set(devices.deviceIds)] : null
  return deviceIds ? { kind: 'list', deviceIds } : { kind: 'filter', filter: devices.filter ?? {} }
}

export const wishOf = (request: RolloutRequest): RolloutWish => ({
  action: request.action,
  version: request.version ?? null,
  licenseType: request.licenseType ?? null,
  whenOffline: request.whenOffline ?? 'QUEUE',
})

/** Makes the rollout with its devices and licenses in one transaction: all of it, or a refusal that says what is missing. */
export async function createRollout(
  context: Context,
  request: RolloutRequest,
  { openRolloutsPerAccount: limit }: { openRolloutsPerAccount: number },
): Promise<Rollout> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(context.db, async (db) => {
        await allowLongStatements(db)
        await requireOpenRoom(db, { accountId: context.caller.accountId, limit })
        return await writeRollout({ ...context, db }, db, request)
      })
    } catch (error) {
      if (brokenConstraint(error)?.constraint !== 'app_order_units') throw error
      if (attempt < creationTries && !context.db.isTransaction) continue
      throw new ProblemError('unavailable', 'The free units are being taken by others right now. Try again.', {
        retryAfterSeconds: 1,
        cause: error,
      })
    }
  }
}

async function writeRollout(context: Context, db: DatabaseTransaction, request: RolloutRequest): Promise<Rollout> {
  const { caller, origin } = context
  const { accountId } = caller
  const maxVersionCode = await readVersion(db, caller, request)
  const rolloutId = await insertRollout(db, caller, { request, maxVersionCode })
  const rollout: Selecting = {
    ...{ rolloutId, accountId, maxVersionCode },
    ...{ action: request.action, appId: request.appId, version: request.version ?? null },
    licenseType: request.licenseType ?? null,
  }
  const selection = selectionOf(request)
  const total = await insertDevices(db, rollout, { scope: caller.scope, selection, joining: false })
  await checkSelection(db, { rolloutId, selection, total, keepOpen: request.devices.keepOpen === true })
  if (request.strategy?.rollback === 'PREVIOUS_VERSION') {
    await requireWayBack(db, rollout, { wish: wishOf(request), gaps: request.strategy })
  }
  if (request.licenseType) {
    await reserveAll(context, db, { rollout, licenseType: request.licenseType, orderId: request.orderId ?? null })
  }
  const data = { rolloutId, name: request.name, action: request.action, devices: total }
  const projectIds = eventProjects(caller.scope.all ? null : caller.scope.projectIds)
  await emitEvents(db, origin, [{ type: 'rollout.created', accountId, appId: request.appId, projectIds, data }])
  return await readRollout({ db, caller }, rolloutId)
}

/**
 * The newest version there is: later ones are another rollout's. Throws `not-found` for an app or version that the caller
 * does not see.
 */
export async function readVersion(db: Database, caller: Caller, request: RolloutRequest): Promise<number | null> {
  const { appId, version } = request
  const { accountId } = caller
  const { rows } = await sql<{ visible: boolean; known: boolean; newest: number | null; named: boolean }>`
    SELECT
      EXISTS (SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${appVisibleTo(caller)}) AS visible,
      EXISTS (SELECT 1 FROM installation i WHERE i.account_id = ${accountId} AND i.app_id = ${appId}) AS known,
      (SELECT max(v.version_code) FROM app_version v WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL) AS newest,
      EXISTS (SELECT 1 FROM app_version v WHERE v.app_id = ${appId} AND v.withdrawn_at IS NULL AND v.version = ${version ?? null}) AS named`.execute(
    db,
  )
  const row = rows[0]
  const needsPackage = request.action === 'INSTALL' || request.action === 'UPDATE'
  if (!row?.visible && (needsPackage || !row?.known)) throw notFound(`The app ${appId}`)
  if (!needsPackage) return null
  if (version && !row?.named) throw notFound(`Version ${version} of the app ${appId}`)
  if (row?.newest == null) throw notFound(`A published version of the app ${appId}`)
  return row.newest
}

async function insertRollout(
  db: DatabaseTransaction,
  caller: Caller,
  { request, maxVersionCode }: { request: RolloutRequest; maxVersionCode: number | null },
): Promise<string> {
  const { schedule, devices, strategy } = request
  const startAt = schedule?.startAt ?? null
  const keepOpen = devices.keepOpen === true
  const { rows } = await sql<{ rollout_id: string }>`
    WITH made AS (
      INSERT INTO rollout (account_id, name, action, app_id, version, max_version_code, license_type, order_id, filter, keep_open,
        project_ids, strategy, schedule, when_offline, require_approval, state, created_by_kind, created_by_id, start_at, deadline_at,
        started_at)
      SELECT ${caller.accountId}, ${request.name}, ${request.action}, ${request.appId}, ${request.version ?? null},
        ${maxVersionCode}::bigint, ${request.licenseType ?? null}, ${request.orderId ?? null}::uuid,
        ${devices.filter ? JSON.stringify(devices.filter) : null}::jsonb, ${keepOpen},
        ${caller.scope.all ? null : caller.scope.projectIds}::uuid[], ${JSON.stringify(strategy ?? {})}::jsonb,
        ${JSON.stringify(schedule ?? {})}::jsonb, ${request.whenOffline ?? 'QUEUE'}, ${request.requireApproval === true}, s.state,
        ${caller.kind}, ${caller.id}, s.start_at,
        coalesce(${schedule?.deadlineAt ?? null}::timestamptz,
          CASE WHEN NOT ${keepOpen}::boolean THEN s.start_at + ${defaultDeadlineDays} * interval '1 day' END),
        CASE WHEN s.state = 'RUNNING' THEN now() END
      FROM (SELECT greatest(coalesce(${startAt}::timestamptz, now()), now()) AS start_at,
        CASE WHEN ${request.requireApproval === true}::boolean THEN 'AWAITING_APPROVAL'
          WHEN ${startAt}::timestamptz > now() THEN 'SCHEDULED' ELSE 'RUNNING' END AS state) s
      RETURNING rollout_id, state
    ), waves AS (
      INSERT INTO rollout_wave (rollout_id, wave, percent, count, started_at)
      SELECT m.rollout_id, g.wave, g.percent, g.count, CASE WHEN g.wave = 0 AND m.state = 'RUNNING' THEN now() END
      FROM made m, jsonb_to_recordset(${JSON.stringify(waveRows(strategy?.waves))}::jsonb) AS g(wave smallint, percent float8, count integer)
    )
    SELECT rollout_id FROM made`.execute(db)
  const id = rows[0]?.rollout_id
  if (!id) throw new Error('An INSERT of one row gives one row.')
  return id
}

const waveRows = (waves: RolloutWave[] | null | undefined) =>
  (waves ?? [{ percent: 100 }]).map(({ percent, count }, wave) => ({
    wave,
    percent: percent ?? null,
    count: count ?? null,
  }))

async function checkSelection(
  db: Database,
  {
    rolloutId,
    selection,
    total,
    keepOpen,
  }: { rolloutId: string; selection: Selection; total: number; keepOpen: boolean },
): Promise<void> {
  if (selection.kind === 'filter') {
    if (total > 0 || keepOpen) return
    const detail = 'No device matches the filter.'
    throw new ProblemError('invalid-request', detail, {
      errors: [{ pointer: '/devices/filter', code: 'empty', detail }],
    })
  }
  const missing = selection.deviceIds.length - total
  if (missing === 0) return
  const { rows } = await sql<{ device_id: string }>`
    SELECT l.device_id FROM unnest(${selection.deviceIds}::text[]) AS l(device_id)
    WHERE NOT EXISTS (SELECT 1 FROM rollout_device r WHERE r.rollout_id = ${rolloutId} AND r.device_id = l.device_id)
    ORDER BY l.device_id COLLATE "C" LIMIT 10`.execute(db)
  const names = rows.map((row) => row.device_id).join(', ')
  throw new ProblemError(
    'not-found',
    `${missing} of ${selection.deviceIds.length} devices do not exist, or are not visible to you: ${names}${missing > rows.length ? ', …' : ''}`,
  )
}

async function reserveAll(
  { origin }: Context,
  db: DatabaseTransaction,
  {
    rollout,
    licenseType,
    orderId,
  }: { rollout: Selecting; licenseType: NonNullable<Selecting['licenseType']>; orderId: string | null },
): Promise<void> {
  const { accountId, appId, rolloutId } = rollout
  // an order that is not ours, or for something else, is refused in the words of a single install
  if (orderId) await pickOrder(db, { accountId, appId, licenseType, orderId })
  const devices = unitsOfInserted(rolloutId)
  const { wanted, free } = await reserveUnits(
    db,
    { accountId, appId, licenseType, orderId, devices, names: false },
    origin,
  )
  if (wanted <= free) return
  throw new ProblemError(
    'no-free-license',
    `${wanted} devices need a ${licenseType} license of ${appId}, ${free} are free: ${wanted - free} are missing. Order them, or select fewer devices.`,
  )
}
