import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Permission } from '@ocelli/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { createAccessTokens } from '../../platform/auth/access-token.ts'
import { createBearerAuthentication } from '../../platform/auth/authenticate.ts'
import { openBlobStore } from '../../platform/blob-store/blob-store.ts'
import { openDatabase } from '../../platform/database/database.ts'
import { createApp } from '../../platform/http/create-app.ts'
import { registerRoutes } from '../../platform/http/register-routes.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { ordersRoutes } from '../orders/orders-routes.ts'
import { appsRoutes } from './apps-routes.ts'
import { acceptPackages } from './package-upload.ts'

const storePermissions: Permission[] = ['apps:view', 'apps:publish', 'store:purchase']
const { resolve } = createRequire(import.meta.url)

/** Path of a real .apk that an npm package of the workspace carries. */
const realPackage = (name: string, file: string) => join(dirname(resolve(`${name}/package.json`)), 'apks', file)
export const apiDemos = (versionCode: 22 | 24 | 25) =>
  readFile(realPackage(`android-apidemos-${versionCode}`, 'ApiDemos-debug.apk'))
export const appiumSettings = () => readFile(realPackage('io.appium.settings', 'settings_apk-debug.apk'))
export const apiDemosId = 'io.appium.android.apis'

/** The store's routes on a database and a blob folder of their own, with a clock that a test may move. */
export async function createStoreFixture(options: { maxPackageBytes?: number } = {}) {
  const database = await createTestDatabase()
  const { db, close } = openDatabase({ ...database, maxConnections: 10, onError: () => {} })
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-store-'))
  const clock = { nowMs: Date.now() }
  const blobs = await openBlobStore({ blobUrl: null, folder, nowMs: Date.now })
  const key = new Uint8Array(32).fill(7)
  const accessTokens = createAccessTokens(key)
  const metrics = createMetrics()
  const log = pino({ level: 'silent' })
  const app = await createApp({ log, metrics, rateLimitPerSecond: 0, publicUrl: 'http://127.0.0.1', tls: null })
  acceptPackages(app)
  const { authenticate } = createBearerAuthentication({ db, accessTokens, nowMs: Date.now })
  const apps = {
    db,
    blobs,
    linkKey: key,
    nowMs: () => clock.nowMs,
    maxPackageBytes: options.maxPackageBytes ?? 2 ** 32,
  }
  registerRoutes(app, [...appsRoutes(apps), ...ordersRoutes()], { db, authenticate })
  await app.ready()

  const machine = async (
    accountId: string,
    { permissions = storePermissions, projectIds = null as string[] | null } = {},
  ) => {
    const clientId = randomUUID()
    await sql`INSERT INTO technical_user (client_id, account_id, name, secret_hash, permissions, whole_account)
      VALUES (${clientId}, ${accountId}, 'test', 'x', ${permissions}, ${projectIds === null})`.execute(db)
    for (const projectId of projectIds ?? []) {
      await sql`INSERT INTO technical_user_project VALUES (${accountId}, ${clientId}, ${projectId})`.execute(db)
    }
    return bearer(await accessTokens.issue({ kind: 'technical-user', id: clientId }))
  }
  return {
    app,
    db,
    blobs,
    folder,
    clock,
    accessTokens,
    machine,
    async account(permissions: Permission[] = storePermissions, isOperator = false) {
      const accountId = randomUUID()
      await sql`INSERT INTO account (account_id, name, is_operator) VALUES (${accountId}, ${accountId}, ${isOperator})`.execute(
        db,
      )
      return { accountId, headers: await machine(accountId, { permissions }) }
    },
    publish: (headers: Record<string, string>, payload: Buffer, query = '') =>
      app.inject({
        method: 'POST',
        url: `/store/v1/packages${query}`,
        headers: { ...headers, 'content-type': 'application/octet-stream' },
        payload,
      }),
    /** Files of the blob folder: those kept, and those that should not have stayed. */
    async files() {
      const found = await readdir(folder, { recursive: true, withFileTypes: true })
      return found.filter((entry) => entry.isFile()).length
    },
    async events(accountId: string) {
      const { rows } = await sql<{ type: string }>`SELECT type FROM event WHERE account_id = ${accountId}
        ORDER BY xid, event_id`.execute(db)
      return rows.map((row) => row.type)
    },
    async close() {
      await app.close()
      metrics.close()
      await close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
