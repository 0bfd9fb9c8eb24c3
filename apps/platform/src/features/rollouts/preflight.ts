import type { Preflight, PreflightVerdict, RolloutRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { filterOf } from '../devices/list-devices.ts'
import { type Admission, admit, type RolloutWish } from './admission-rules.ts'
import { readVersion, selectionOf, wishOf } from './create-rollout.ts'
import { type DeviceSituation, goneSituation, readDeviceSituations } from './device-situations.ts'
import { type AcceptedGaps, isAccepted, wayBackIfChanged } from './require-way-back.ts'
import { mayRefuseUnsigned } from './signature-risk.ts'

const chunk = 1000

interface Answer {
  verdict: PreflightVerdict
  reason: string
  detail: string
  takesUnit: boolean
}

/** What the rollout would do to every selected device, by the rules that will admit them. Nothing is written. */
export async function preflight(context: Context, request: RolloutRequest): Promise<Preflight> {
  const { db, caller } = context
  const { accountId } = caller
  const maxVersionCode = await readVersion(db, caller, request)
  const wish = wishOf(request)
  const gaps = request.strategy?.rollback === 'PREVIOUS_VERSION' ? request.strategy : null
  const wanted = { accountId, appId: request.appId, version: wish.version, maxVersionCode, withPrevious: gaps !== null }
  const groups = new Map<string, Preflight['groups'][number]>()
  const ways = new Map<string, RollbackGroup>()
  let total = 0
  let needed = 0
  for await (const deviceIds of selected(context, request)) {
    const found = await readDeviceSituations(db, wanted, { deviceIds })
    const byId = new Map(found.map((situation) => [situation.deviceId, situation]))
    for (const deviceId of deviceIds) {
      const situation = byId.get(deviceId) ?? goneSituation(deviceId)
      const answer = judgeDevice(situation, wish)
      const way = gaps && wayBackIfChanged(wish, situation)
      if (way) put(ways, deviceId, way)
      if (answer.takesUnit) needed += 1
      total += 1
      const { takesUnit: _takesUnit, ...told } = answer
      put(groups, deviceId, told)
    }
  }
  if (total === 0 && !request.devices.keepOpen) {
    const detail = 'No device matches the filter.'
    throw new ProblemError('invalid-request', detail, {
      errors: [{ pointer: '/devices/filter', code: 'empty', detail }],
    })
  }
  const units = request.licenseType ? await readUnits(context, request, needed) : null
  const sorted = bySize(groups)
  const ready = sorted.filter(({ verdict }) => verdict === 'YES' || verdict === 'RISK')
  return {
    total,
    ready: ready.reduce((sum, { count }) => sum + count, 0),
    units,
    groups: sorted,
    rollback: gaps && rollbackOf(ways, gaps),
  }
}

type RollbackGroup = NonNullable<Preflight['rollback']>['groups'][number]

function rollbackOf(ways: Map<string, RollbackGroup>, gaps: AcceptedGaps): Preflight['rollback'] {
  const groups = bySize(ways)
  return { accepted: groups.every((way) => isAccepted(way, gaps)), groups }
}

const bySize = <Group extends { count: number; reason: string }>(groups: Map<string, Group>): Group[] =>
  [...groups.values()].sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1))

function put<Told extends { reason: string; detail: string }>(
  groups: Map<string, Told & { count: number; deviceIds: string[] }>,
  deviceId: string,
  told: Told,
): void {
  const key = JSON.stringify(told)
  const group = groups.get(key) ?? { ...told, count: 0, deviceIds: [] }
  group.count += 1
  group.deviceIds.push(deviceId)
  groups.set(key, group)
}

function judgeDevice(situation: DeviceSituation, wish: RolloutWish): Answer {
  const admission = admit(wish, situation)
  const takesUnit = takesUnitOf(wish, situation, admission)
  const answer = answerOf(admission)
  const { device, target } = situation
  if (answer.verdict === 'YES' && admission.kind === 'change' && device && target.kind === 'fits' && !target.isSigned) {
    if (['INSTALL', 'UPDATE'].includes(wish.action) && mayRefuseUnsigned(device)) {
      const detail =
        'The package is not signed, and this camera takes unsigned ones only with its switch AllowUnsigned on.'
      return { verdict: 'RISK', reason: 'signature-policy', detail, takesUnit }
    }
  }
  return { ...answer, takesUnit }
}

/** An offline device reserves its unit up front like one that is online. */
function takesUnitOf(wish: RolloutWish, situation: DeviceSituation, admission: Admission): boolean {
  if (wish.action !== 'INSTALL' || !situation.device) return false
  if (admission.kind === 'change') return admission.decision.license.kind === 'reserve'
  if (admission.kind !== 'offline') return false
  const online = admit(wish, { ...situation, device: { ...situation.device, connectivity: 'ONLINE' } })
  return online.kind === 'change' && online.decision.license.kind === 'reserve'
}

function answerOf(admission: Admission): Omit<Answer, 'takesUnit'> {
  switch (admission.kind) {
    case 'change':
      return { verdict: 'YES', reason: 'ready', detail: 'Would be done now.' }
    case 'take-back':
      return { verdict: 'YES', reason: 'ready', detail: 'The install has not been sent yet and is taken back.' }
    case 'adopt':
      return { verdict: 'YES', reason: 'under-way', detail: 'The same was asked for before and is under way.' }
    case 'wait':
      return {
        verdict: 'LATER',
        reason: 'in-other-rollout',
        detail: 'Another rollout works on the device; this one waits.',
      }
    case 'offline':
      return { verdict: 'LATER', reason: 'device-offline', detail: `${admission.detail} It waits for the device.` }
    case 'end':
      return {
        verdict: admission.state === 'ALREADY_DONE' ? 'YES' : 'NO',
        reason: admission.reason,
        detail: admission.detail,
      }
  }
}

/** Ids of the selection, some at a time. Throws `not-found` for a list that names devices that the caller does not see. */
async function* selected({ db, caller }: Context, request: RolloutRequest): AsyncIterable<string[]> {
  const selection = selectionOf(request)
  if (selection.kind === 'list') {
    const { rows } = await sql<{ device_id: string }>`SELECT d.device_id FROM device d
      WHERE ${filterOf(caller, {})} AND d.device_id = ANY(${selection.deviceIds}::text[])`.execute(db)
    const visible = new Set(rows.map((row) => row.device_id))
    const hidden = selection.deviceIds.filter((id) => !visible.has(id))
    if (hidden.length > 0) {
      throw new ProblemError(
        'not-found',
        `${hidden.length} of ${selection.deviceIds.length} devices do not exist, or are not visible to you: ${hidden.slice(0, 10).join(', ')}${hidden.length > 10 ? ', …' : ''}`,
      )
    }
    for (let at = 0; at < selection.deviceIds.length; at += chunk) yield selection.deviceIds.slice(at, at + chunk)
    return
  }
  for (let after = ''; ; ) {
    const { rows } = await sql<{ device_id: string }>`SELECT d.device_id FROM device d
      WHERE ${filterOf(caller, selection.filter)} AND d.device_id > ${after} ORDER BY d.device_id LIMIT ${chunk}`.execute(
      db,
    )
    if (rows.length > 0) yield rows.map((row) => row.device_id)
    if (rows.length < chunk) return
    after = rows.at(-1)?.device_id ?? ''
  }
}

async function readUnits(
  { db, caller }: Context,
  request: RolloutRequest,
  needed: number,
): Promise<Preflight['units']> {
  const orderId = request.orderId ?? null
  const { rows } = await sql<{ free: number }>`
    SELECT coalesce(sum(total - used), 0)::int AS free FROM app_order
    WHERE account_id = ${caller.accountId} AND app_id = ${request.appId} AND license_type = ${request.licenseType} AND state = 'CONFIRMED'
      AND (valid_until IS NULL OR valid_until > now()) AND (${orderId}::uuid IS NULL OR order_id = ${orderId}::uuid)`.execute(
    db,
  )
  const free = rows[0]?.free ?? 0
  return { needed, free, missing: Math.max(0, needed - free) }
}
