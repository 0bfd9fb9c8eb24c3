import { randomUUID } from 'node:crypto'
import type { CameraClaim, CameraCredentials, CameraLoginBatch, CameraPassword, EventType } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { readBatch } from './read-batch.ts'

interface NewLogin {
  address: string | null
  device_id: string | null
  name: string | null
  site_id: string | null
  customer: string | null
  tags: string[] | null
  sealed: string
  sealed_for_recovery: string | null
}

/** Keeps the sealed logins until the gateway has said what came of each. */
export async function requestClaims(
  context: Context,
  gatewayId: string,
  cameras: CameraClaim[],
): Promise<CameraLoginBatch> {
  refuseDoubles(
    cameras.map(({ address }) => address.toLowerCase()),
    (index) => `/cameras/${index}/address`,
  )
  return await inTransaction(context.db, async (db) => {
    await requireGateway({ ...context, db }, gatewayId)
    await requireSites({ ...context, db }, cameras)
    const logins = cameras.map(
      ({ address, name, siteId, customer, tags, sealed, sealedForRecovery }): NewLogin => ({
        ...{ address, device_id: null, name: name ?? null, site_id: siteId ?? null, customer: customer ?? null },
        ...{ tags: tags ?? null, sealed, sealed_for_recovery: sealedForRecovery ?? null },
      }),
    )
    return await insert({ ...context, db }, { gatewayId, kind: 'CLAIM', logins, event: 'device.claims-requested' })
  })
}

export async function requestCredentials(
  context: Context,
  gatewayId: string,
  devices: CameraCredentials[],
): Promise<CameraLoginBatch> {
  const event = 'device.credentials-requested'
  return await requestForDevices(context, devices, { gatewayId, kind: 'CREDENTIALS', event })
}

/** Refused for a camera whose last new password is not settled: with two of them nobody would know which one counts. */
export async function requestPasswords(
  context: Context,
  gatewayId: string,
  devices: CameraPassword[],
): Promise<CameraLoginBatch> {
  const event = 'device.password-requested'
  return await requestForDevices(context, devices, { gatewayId, kind: 'PASSWORD', event })
}

/** Devices that the caller does not see, or that are another gateway's, are unknown. */
async function requestForDevices(
  context: Context,
  devices: CameraCredentials[],
  batch: { gatewayId: string; kind: 'CREDENTIALS' | 'PASSWORD'; event: EventType },
): Promise<CameraLoginBatch> {
  const { gatewayId, kind } = batch
  const ids = devices.map(({ deviceId }) => deviceId)
  refuseDoubles(ids, (index) => `/devices/${index}/deviceId`)
  return await inTransaction(context.db, async (db) => {
    await requireGateway({ ...context, db }, gatewayId, { setsPasswords: kind === 'PASSWORD' })
    const { rows } = await sql<{ device_id: string }>`
      SELECT d.device_id FROM device d
      WHERE d.account_id = ${context.caller.accountId} AND d.device_id = ANY(${ids}::text[]) AND d.state = 'CLAIMED'
        AND d.gateway_id = ${gatewayId} AND ${seesProjects(context.caller, sql.ref('d.project_ids'))}`.execute(db)
    const known = new Set(rows.map((row) => row.device_id))
    const missing = ids.find((deviceId) => !known.has(deviceId))
    if (missing !== undefined) throw notFound(`The device ${missing} of this gateway`)
    if (kind === 'PASSWORD') await requireNoneUnderWay({ ...context, db }, ids)
    const logins = devices.map(
      ({ deviceId, sealed, sealedForRecovery }): NewLogin => ({
        ...{ address: null, device_id: deviceId, name: null, site_id: null, customer: null, tags: null },
        ...{ sealed, sealed_for_recovery: sealedForRecovery ?? null },
      }),
    )
    return await insert({ ...context, db }, { ...batch, logins })
  })
}

async function requireNoneUnderWay({ db, caller }: Context, ids: string[]): Promise<void> {
  const { rows } = await sql<{ device_id: string }>`
    SELECT device_id FROM camera_login WHERE account_id = ${caller.accountId} AND device_id = ANY(${ids}::text[])
      AND kind = 'PASSWORD' AND state IN ('PENDING', 'SENT', 'UNKNOWN') ORDER BY device_id LIMIT 1`.execute(db)
  if (rows[0]) throw underWay(`the device ${rows[0].device_id}`)
}

const underWay = (what: string) =>
  new ProblemError('state-conflict', `A new password is being set on ${what} already. Wait until it is known to count.`)

/** Two logins for one camera at a time would add up to more refused ones than a camera stands. */
function refuseDoubles(values: string[], pointerOf: (index: number) => string): void {
  const seen = new Set<string>()
  const errors = values.flatMap((value, index) => {
    const isDouble = seen.has(value)
    seen.add(value)
    return isDouble ? [{ pointer: pointerOf(index), code: 'double', detail: `${value} is named twice.` }] : []
  })
  const [first] = errors
  if (!first) return
  throw new ProblemError('invalid-request', `${first.detail} Name every camera once.`, { errors })
}

async function requireGateway(
  { db, caller }: Context,
  gatewayId: string,
  { setsPasswords = false }: { setsPasswords?: boolean } = {},
): Promise<void> {
  const gateway = await db
    .selectFrom('gateway')
    .select(['revoked_at', 'sealing_key', 'sets_passwords'])
    .where('account_id', '=', caller.accountId)
    .where('gateway_id', '=', gatewayId)
    .forShare()
    .executeTakeFirst()
  if (!gateway) throw notFound(`The gateway ${gatewayId}`)
  if (gateway.revoked_at !== null) throw new ProblemError('state-conflict', 'This gateway was revoked.')
  const present = 'Bring it to the present version and let it connect once.'
  if (gateway.sealing_key === null)
    throw new ProblemError('state-conflict', `This gateway has told no sealing key yet. ${present}`)
  if (setsPasswords && !gateway.sets_passwords)
    throw new ProblemError('state-conflict', `This gateway does not set passwords on cameras. ${present}`)
}

async function requireSites({ db, caller }: Context, cameras: CameraClaim[]): Promise<void> {
  const named = [...new Set(cameras.flatMap(({ siteId }) => siteId?.toLowerCase() ?? []))]
  if (named.length === 0) return
  const rows = await db
    .selectFrom('site')
    .select('site_id')
    .where('account_id', '=', caller.accountId)
    .where('site_id', 'in', named)
    .execute()
  const missing = named.find((siteId) => !rows.some((row) => row.site_id === siteId))
  if (missing) throw notFound(`The site ${missing}`)
}

async function insert(
  context: Context & { db: DatabaseTransaction },
  batch: { gatewayId: string; kind: CameraLoginBatch['kind']; logins: NewLogin[]; event: EventType },
): Promise<CameraLoginBatch> {
  const { db, caller, origin } = context
  const { gatewayId, kind, logins, event } = batch
  const batchId = randomUUID()
  await sql`
    INSERT INTO camera_login (batch_id, position, account_id, gateway_id, kind, requested_by, request_id, address, device_id, name,
      site_id, customer, tags, sealed, sealed_for_recovery)
    SELECT ${batchId}, r.position, ${caller.accountId}, ${gatewayId}, ${kind}, ${caller.id}, ${origin.requestId}, r.address,
      r.device_id, r.name, r.site_id, r.customer,
      CASE WHEN jsonb_typeof(r.tags) = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(r.tags)) END,
      r.sealed, r.sealed_for_recovery
    FROM jsonb_to_recordset(${JSON.stringify(logins.map((login, position) => ({ ...login, position })))}::jsonb)
      AS r(position integer, address text, device_id text, name text, site_id uuid, customer text, tags jsonb, sealed text,
        sealed_for_recovery text)`
    .execute(db)
    .catch((error: unknown) => {
      // Two requests at once: the other one was first.
      if (brokenConstraint(error)?.constraint === 'camera_login_one_password') throw underWay('one of these devices')
      throw error
    })
  const data = { gatewayId, batchId, count: logins.length }
  await emitEvents(db, origin, [{ type: event, accountId: caller.accountId, data }])
  return await readBatch(context, { gatewayId, batchId, kind })
}
