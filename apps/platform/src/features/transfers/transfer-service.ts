import type { Transfer } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { requireRoom } from '../../platform/database/require-room.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'

const columns = sql`t.transfer_id AS "transferId", t.device_id AS "deviceId", t.from_account_id AS "fromAccountId",
  t.to_account_id AS "toAccountId", t.with_licenses AS "withLicenses", t.state, t.offered_at AS "offeredAt",
  t.decided_at AS "decidedAt"`

/** Answered at once, and kept open from one account to another. */
const listed = 1000

/** A license `l` that was reserved for a rollout and that no app has come to use. */
export const isUnused = sql<boolean>`(l.state = 'RESERVED'
  AND NOT EXISTS (SELECT 1 FROM installation i WHERE i.license_id = l.license_id AND i.presence IS NOT NULL))`

/** Offers a device. Throws not-found, licenses-held, already-exists, state-conflict, limit-reached. */
export async function offerTransfer(
  context: Context,
  { deviceId, toAccountId, withLicenses }: { deviceId: string; toAccountId: string; withLicenses: boolean },
): Promise<Transfer> {
  const { accountId } = context.caller
  if (toAccountId === accountId) throw new ProblemError('invalid-request', 'The device is in this account already.')
  return await inTransaction(context.db, async (db) => {
    const device = await lockDevice(db, { accountId, deviceId, sees: seesDevice(context) })
    if (!device) throw notFound(`The device ${deviceId}`)
    const receiver =
      await sql`SELECT 1 FROM account WHERE account_id = ${toAccountId} AND suspended_at IS NULL`.execute(db)
    if (receiver.rows.length === 0) throw notFound(`The account ${toAccountId}`)
    await requireTransferable(db, { accountId, deviceId, withLicenses })
    await requireRoom(db, {
      rows: sql`SELECT 1 FROM device_transfer
        WHERE from_account_id = ${accountId} AND to_account_id = ${toAccountId} AND state = 'OFFERED'`,
      limit: listed,
      what: 'offers of yours that this account has not decided',
      advice: 'Wait for its decision, or withdraw some.',
    })
    try {
      const { rows } = await sql<Transfer>`
        INSERT INTO device_transfer AS t (from_account_id, to_account_id, device_id, with_licenses, from_project_ids)
        VALUES (${accountId}, ${toAccountId}, ${deviceId}, ${withLicenses}, ${device.projectIds}::uuid[])
        RETURNING ${columns}`.execute(db)
      const transfer = first(rows)
      const data = { transferId: transfer.transferId, toAccountId, withLicenses }
      await emitEvents(db, context.origin, [
        { type: 'device.transfer-offered', accountId, deviceId, projectIds: device.projectIds, data },
        {
          type: 'device.transfer-offered',
          accountId: toAccountId,
          deviceId,
          data: { ...data, fromAccountId: accountId },
        },
      ])
      return transfer
    } catch (error) {
      if (brokenConstraint(error)?.constraint !== 'device_transfer_one_open') throw error
      throw new ProblemError('already-exists', 'The device is offered already: withdraw that offer first.')
    }
  })
}

/** Offers made and received, those not decided first, the newest 1000. */
export async function listTransfers(context: Context): Promise<Transfer[]> {
  const { accountId } = context.caller
  const { rows } = await sql<Transfer>`
    SELECT ${columns} FROM device_transfer t
    WHERE t.to_account_id = ${accountId} OR (t.from_account_id = ${accountId} AND NOT EXISTS (SELECT 1 FROM device d
      WHERE d.account_id = ${accountId} AND d.device_id = t.device_id AND NOT ${seesDevice(context)})
      AND ${seesProjects(context.caller, sql.ref('t.from_project_ids'))})
    ORDER BY t.state = 'OFFERED' DESC, t.offered_at DESC, t.transfer_id LIMIT ${listed}`.execute(context.db)
  return rows
}

/** Declines a received offer or withdraws one made. Saying it again changes nothing. */
export async function endTransfer(
  context: Context,
  { transferId, state }: { transferId: string; state: 'DECLINED' | 'WITHDRAWN' },
): Promise<Transfer> {
  const side = state === 'DECLINED' ? 'toAccountId' : 'fromAccountId'
  return await inTransaction(context.db, async (db) => {
    const transfer = await lockTransfer(db, context, { transferId, side })
    if (transfer.state === state) return transfer
    requireOpen(transfer)
    const { fromAccountId, toAccountId, deviceId } = transfer
    const device = await lockDevice(db, {
      accountId: fromAccountId,
      deviceId,
      sees: side === 'fromAccountId' ? seesDevice(context) : sql`true`,
    })
    if (!device && side === 'fromAccountId') throw notFound(`The transfer ${transferId}`)
    const ended = await decide(db, transferId, state)
    const data = { transferId, transfer: state }
    await emitEvents(db, context.origin, [
      { type: 'device.changed', accountId: fromAccountId, deviceId, projectIds: device?.projectIds ?? null, data },
      { type: 'device.changed', accountId: toAccountId, deviceId, data },
    ])
    return ended
  })
}

/** The transfer, if the caller's account is on that side of it, kept from changing. Throws not-found. */
export async function lockTransfer(
  db: DatabaseTransaction,
  { caller }: Context,
  { transferId, side }: { transferId: string; side: 'toAccountId' | 'fromAccountId' },
): Promise<Transfer> {
  const { rows } = await sql<Transfer>`
    SELECT ${columns} FROM device_transfer t WHERE t.transfer_id = ${transferId} FOR UPDATE`.execute(db)
  const transfer = rows[0]
  if (transfer?.[side] !== caller.accountId) throw notFound(`The transfer ${transferId}`)
  return transfer
}

export function requireOpen({ state }: Transfer): void {
  if (state !== 'OFFERED') throw new ProblemError('state-conflict', `The transfer is ${state} already.`)
}

export async function decide(db: DatabaseTransaction, transferId: string, state: Transfer['state']): Promise<Transfer> {
  const { rows } = await sql<Transfer>`UPDATE device_transfer t SET state = ${state}, decided_at = now()
    WHERE t.transfer_id = ${transferId} RETURNING ${columns}`.execute(db)
  return first(rows)
}

/** Work that is under way, or licenses that would stay behind, hold a device back. What is reserved and unused returns to the giver. */
export async function requireTransferable(
  db: DatabaseTransaction,
  { accountId, deviceId, withLicenses }: { accountId: string; deviceId: string; withLicenses: boolean },
): Promise<void> {
  const { rows } = await sql<{ unsettled: boolean; held: number }>`
    SELECT EXISTS (SELECT 1 FROM installation WHERE account_id = ${accountId} AND device_id = ${deviceId} AND NOT settled) AS unsettled,
      (SELECT count(*)::int FROM license l WHERE l.account_id = ${accountId} AND l.device_id = ${deviceId}
        AND l.state IN ('RESERVED', 'VALID') AND NOT ${isUnused}) AS held`.execute(db)
  const { unsettled, held } = first(rows)
  if (unsettled) throw new ProblemError('state-conflict', 'Work on the device is under way: wait until it has settled.')
  if (held > 0 && !withLicenses) {
    throw new ProblemError(
      'licenses-held',
      `The device holds ${held} license(s): uninstall its apps, or offer it with withLicenses.`,
    )
  }
}

export async function lockDevice(
  db: DatabaseTransaction,
  { accountId, deviceId, sees }: { accountId: string; deviceId: string; sees: RawBuilder<unknown> },
): Promise<{ gatewayId: string | null; projectIds: string[] } | undefined> {
  const { rows } = await sql<{ gatewayId: string | null; projectIds: string[] }>`
    SELECT d.gateway_id AS "gatewayId", d.project_ids AS "projectIds" FROM device d
    WHERE d.account_id = ${accountId} AND d.device_id = ${deviceId} AND ${sees} FOR UPDATE`.execute(db)
  return rows[0]
}

function seesDevice({ caller }: Context): RawBuilder<boolean> {
  return seesProjects(caller, sql.ref('d.project_ids'))
}

function first<Row>(rows: Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('A statement that always gives a row gave none.')
  return row
}
