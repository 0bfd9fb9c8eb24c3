import type { MakerKey, PublicJwk } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { requireRoom } from '../../platform/database/require-room.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import { readPublicKey } from '../../platform/keys/public-key.ts'
import { projectsOfApp, readApps } from '../apps/app-store.ts'

const keysPerApp = 100

export async function listMakerKeys(context: Context, appId: string): Promise<MakerKey[]> {
  await requireOwn(context, appId)
  return await read(context.db, appId)
}

/** Grants signed by this key count from now on. Again changes nothing. */
export async function addMakerKey(context: Context, appId: string, publicKey: PublicJwk): Promise<Answer<MakerKey>> {
  return await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    await requireOwn(inside, appId)
    const key = await readPublicKey(publicKey)
    await requireRoom(db, {
      rows: sql`SELECT 1 FROM maker_key WHERE app_id = ${appId} AND key_id <> ${key.kid}`,
      limit: keysPerApp,
      what: 'maker keys of this app',
      advice: 'Remove those that sign no grants any more.',
    })
    const { rows } = await sql`INSERT INTO maker_key (app_id, key_id, public_key, added_by)
      VALUES (${appId}, ${key.kid}, ${JSON.stringify(key)}::jsonb, ${context.caller.id}) ON CONFLICT DO NOTHING RETURNING 1`.execute(
      db,
    )
    if (rows.length > 0) await tell(inside, { type: 'maker-key.added', appId, keyId: key.kid })
    const [added] = await read(db, appId, key.kid)
    if (!added) throw new Error(`The maker key ${key.kid} is not there after adding it.`)
    return { status: rows.length > 0 ? 201 : 200, body: added }
  })
}

/** Grants signed by this key are no longer imported. Those that were stay, and so do their licenses. */
export async function removeMakerKey(context: Context, appId: string, keyId: string): Promise<void> {
  await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    await requireOwn(inside, appId)
    const { rows } = await sql`DELETE FROM maker_key WHERE app_id = ${appId} AND key_id = ${keyId} RETURNING 1`.execute(
      db,
    )
    if (rows.length === 0) throw notFound(`The maker key ${keyId}`)
    await tell(inside, { type: 'maker-key.removed', appId, keyId })
  })
}

async function requireOwn({ db, caller }: Context, appId: string): Promise<void> {
  const [row] = await readApps(db, caller, { appId, own: true })
  if (!row) throw notFound(`The app ${appId}, as one that your account publishes,`)
}

async function read(db: Database, appId: string, keyId: string | null = null): Promise<MakerKey[]> {
  const { rows } =
    await sql<MakerKey>`SELECT key_id AS "keyId", app_id AS "appId", public_key AS "publicKey", created_at AS "createdAt"
    FROM maker_key WHERE app_id = ${appId} AND (${keyId}::text IS NULL OR key_id = ${keyId}) ORDER BY created_at, key_id`.execute(
      db,
    )
  return rows
}

async function tell(
  { db, caller: { accountId }, origin }: Context,
  { type, appId, keyId }: { type: 'maker-key.added' | 'maker-key.removed'; appId: string; keyId: string },
): Promise<void> {
  const projectIds = await projectsOfApp(db, accountId, appId)
  await emitEvents(db, origin, [{ type, accountId, appId, projectIds, data: { keyId } }])
}
