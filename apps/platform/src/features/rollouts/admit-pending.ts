import type { RolloutCounters } from '@ocelli/contract'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { carryOutCancel } from '../installations/carry-out.ts'
import { neededLicense } from '../installations/request-rules.ts'
import { type Admission, admit } from './admission-rules.ts'
import { type Admitted, admitDevices, adoptDevices } from './admit-devices.ts'
import { type DeviceSituation, goneSituation, readDeviceSituations } from './device-situations.ts'
import { findCandidates } from './find-candidates.ts'
import { rateNow } from './judge.ts'
import { type Move, moveDevices } from './move-devices.ts'
import { reserveUnits } from './reserve-units.ts'
import type { RolloutRow } from './rollout-row.ts'

export interface AdmissionResult {
  hasMore: boolean
  hasWishes: boolean
}

const admittedAtOnce = 500
const busyForSeconds = 5

type Judged = { situation: DeviceSituation; admission: Admission }

/** Takes up pending devices, as many as rate, limits, budgets and window allow, by the rules of single requests. */
export async function admitPending(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  { counters, nowMs }: { counters: RolloutCounters; nowMs: number },
): Promise<AdmissionResult> {
  const tokens = tokensNow(rollout, counters)
  const room = (rollout.strategy.maxInFlight ?? Number.POSITIVE_INFINITY) - counters.inFlight
  const limit = Math.min(admittedAtOnce, room, Math.floor(tokens ?? Number.POSITIVE_INFINITY))
  if (limit <= 0 || counters.pending === 0 || !(await holdAdmissions(db, rollout.accountId))) {
    return { hasMore: false, hasWishes: false }
  }
  const { deviceIds, siteCursor, hasMore } = await findCandidates(db, rollout, { limit, nowMs })
  const begun = deviceIds.length > 0 ? await takeUp(db, rollout, deviceIds) : { begun: 0, ended: 0 }
  if (tokens !== null || siteCursor !== rollout.siteCursor || begun.begun > 0) {
    await sql`UPDATE rollout SET site_cursor = ${siteCursor}::uuid, rate_tokens = ${tokens === null ? 0 : tokens - begun.begun}, rate_at = now(), updated_at = now()
      WHERE rollout_id = ${rollout.rolloutId}`.execute(db)
  }
  return { hasMore: hasMore || begun.ended > 0, hasWishes: begun.begun > 0 }
}

/** A token per device; at most two seconds' worth are saved up, so that a pause is not made good by a burst. */
function tokensNow({ strategy, rateTokens, secondsSinceRate }: RolloutRow, counters: RolloutCounters): number | null {
  const perMinute = rateNow(strategy, counters.succeeded)
  if (perMinute === null) return null
  return Math.min(Math.max(1, perMinute / 30), rateTokens + (secondsSinceRate * perMinute) / 60)
}

/** Budgets are counted over all rollouts of an account: one process at a time admits there. Tried, never waited for. */
async function holdAdmissions(db: DatabaseTransaction, accountId: string): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    SELECT pg_try_advisory_xact_lock(hashtextextended(${`rollout-admission/${accountId}`}, 0)) AS held`.execute(db)
  return rows[0]?.held === true
}

async function takeUp(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  deviceIds: string[],
): Promise<{ begun: number; ended: number }> {
  const found = await readDeviceSituations(db, rollout, { deviceIds: await lockDevices(db, rollout, deviceIds) })
  const gone = await findGone(db, rollout, { deviceIds, found })
  const elsewhere = await followMoved(db, rollout, found)
  const judged = [...found, ...gone]
    .filter(({ deviceId }) => !elsewhere.has(deviceId))
    .map((situation): Judged => ({ situation, admission: admit(rollout, situation) }))
  const units = await reserveMissing(db, rollout, judged)
  const admitted: Admitted[] = []
  const adopted: { deviceId: string; revision: number }[] = []
  const moves: Move[] = []
  const waiting: string[] = []
  for (const { situation, admission } of judged) {
    const { deviceId } = situation
    if (admission.kind === 'change') {
      const change = admittedOf(situation, admission, units)
      if (change) admitted.push(change)
      else
        moves.push({
          deviceId,
          to: 'REJECTED',
          reason: 'no-free-license',
          detail: `No free ${rollout.licenseType} license is left.`,
        })
    } else if (admission.kind === 'adopt') adopted.push({ deviceId, revision: admission.revision })
    else if (admission.kind === 'take-back') moves.push(await takeBack(db, rollout, situation))
    else if (admission.kind === 'wait') waiting.push(deviceId)
    else moves.push(moveOf(deviceId, admission))
  }
  const written = await admitDevices(db, rollout, admitted)
  await adoptDevices(db, rollout, adopted)
  await moveDevices(db, rollout, { moves, origin: byPlatform })
  await postpone(db, rollout, waiting)
  return { begun: written + adopted.length, ended: moves.filter(({ to }) => to !== 'PENDING').length }
}

/**
 * By a statement of its own, before the situations are read: who held a row until now may have changed what stands in other
 * tables, and the snapshot of one statement that locks and reads would not show that. Devices that somebody else holds are
 * left out.
 */
async function lockDevices(db: DatabaseTransaction, { accountId }: RolloutRow, deviceIds: string[]): Promise<string[]> {
  const { rows } = await sql<{ deviceId: string }>`
    SELECT d.device_id AS "deviceId" FROM device d
    JOIN device_channel c ON c.account_id = d.account_id AND c.device_id = d.device_id
    WHERE d.account_id = ${accountId} AND d.device_id = ANY(${deviceIds}::text[])
    ORDER BY d.device_id FOR NO KEY UPDATE OF d, c SKIP LOCKED`.execute(db)
  return rows.map(({ deviceId }) => deviceId)
}

/** Candidates without a row; those whose row somebody else holds are not gone, they are left for the next step. */
async function findGone(
  db: DatabaseTransaction,
  { accountId }: RolloutRow,
  { deviceIds, found }: { deviceIds: string[]; found: DeviceSituation[] },
): Promise<DeviceSituation[]> {
  const seen = new Set(found.map(({ deviceId }) => deviceId))
  const missing = deviceIds.filter((deviceId) => !seen.has(deviceId))
  if (missing.length === 0) return []
  const { rows } = await sql<{ deviceId: string }>`
    SELECT m.device_id AS "deviceId" FROM unnest(${missing}::text[]) AS m(device_id)
    WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = ${accountId} AND d.device_id = m.device_id)`.execute(
    db,
  )
  return rows.map(({ deviceId }) => goneSituation(deviceId))
}

/** A device that has moved waits for its turn at its new site, by that site's budget and clock. */
async function followMoved(
  db: DatabaseTransaction,
  { rolloutId, accountId }: RolloutRow,
  found: DeviceSituation[],
): Promise<Set<string>> {
  const { rows } = await sql<{ deviceId: string }>`
    UPDATE rollout_device rd SET site_id = d.site_id, updated_at = now() FROM device d
    WHERE rd.rollout_id = ${rolloutId} AND rd.device_id = ANY(${found.map(({ deviceId }) => deviceId)}::text[])
      AND d.account_id = ${accountId} AND d.device_id = rd.device_id AND d.site_id <> rd.site_id
    RETURNING rd.device_id AS "deviceId"`.execute(db)
  return new Set(rows.map(({ deviceId }) => deviceId))
}

/** In flight in another rollout: looked at again soon, without an event each time. */
async function postpone(db: DatabaseTransaction, { rolloutId }: RolloutRow, deviceIds: string[]): Promise<void> {
  if (deviceIds.length === 0) return
  await sql`UPDATE rollout_device SET due_at = now() + ${busyForSeconds} * interval '1 second', reason = 'in-other-rollout',
    detail = 'The device is at work in another rollout. Its turn comes when that one has ended there.', updated_at = now()
    WHERE rollout_id = ${rolloutId} AND device_id = ANY(${deviceIds}::text[])`.execute(db)
}

async function reserveMissing(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  judged: Judged[],
): Promise<Map<string, string>> {
  const deviceIds = judged.flatMap(({ situation, admission }) =>
    admission.kind === 'change' && admission.decision.license.kind === 'reserve' ? [situation.deviceId] : [],
  )
  const { accountId, appId, licenseType, orderId } = rollout
  if (deviceIds.length === 0 || !licenseType) return new Map()
  const devices = sql`SELECT u.device_id, gen_random_uuid() AS license_id, u.n
    FROM unnest(${deviceIds}::text[]) WITH ORDINALITY AS u(device_id, n)`
  const { made } = await reserveUnits(db, { accountId, appId, licenseType, orderId, devices, names: true }, byPlatform)
  return made
}

function admittedOf(
  { deviceId, installation, target }: DeviceSituation,
  { decision }: Admission & { kind: 'change' },
  units: Map<string, string>,
): Admitted | null {
  const { set, license } = decision
  const isUpdate = set.installationState === 'UPDATING' && installation.present && target.kind === 'fits'
  const change = {
    ...{ deviceId, set, fromVersionCode: isUpdate ? installation.installedVersionCode : null },
    toVersionCode: isUpdate && installation.installedVersionCode !== null ? target.package.versionCode : null,
  }
  const neededLicenseId = neededLicense(license)
  switch (license.kind) {
    case 'keep':
      return { ...change, licenseId: null, neededLicenseId, isNewLicense: false }
    case 'use':
      return { ...change, licenseId: license.licenseId, neededLicenseId, isNewLicense: false }
    case 'reserve': {
      const licenseId = units.get(deviceId)
      return licenseId ? { ...change, licenseId, neededLicenseId, isNewLicense: true } : null
    }
  }
}

async function takeBack(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  { deviceId, device }: DeviceSituation,
): Promise<Move> {
  const { accountId, appId } = rollout
  const isBack = await carryOutCancel(db, {
    ...{ accountId, pair: { appId, deviceId }, origin: byPlatform },
    expectedRevision: device?.revision ?? 0,
    projectIds: device?.projectIds ?? [],
  })
  if (!isBack) return { deviceId, to: 'PENDING', reason: 'busy', detail: null, dueInSeconds: busyForSeconds }
  return {
    deviceId,
    to: 'SUCCEEDED',
    reason: 'taken-back',
    detail: 'The install had not been sent yet and was taken back.',
  }
}

function moveOf(
  deviceId: string,
  admission: Exclude<Admission, { kind: 'change' | 'adopt' | 'take-back' | 'wait' }>,
): Move {
  switch (admission.kind) {
    case 'offline':
      return { deviceId, to: 'OFFLINE', reason: 'device-offline', detail: admission.detail }
    case 'end':
      return { deviceId, to: admission.state, reason: admission.reason, detail: admission.detail }
  }
}
