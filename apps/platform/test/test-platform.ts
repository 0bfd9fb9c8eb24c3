import { randomUUID } from 'node:crypto'
import { permissions as allPermissions, type Permission } from '@ocelli/contract'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { createAccessTokens } from '../src/platform/auth/access-token.ts'
import { type BearerAuthentication, createBearerAuthentication } from '../src/platform/auth/authenticate.ts'
import { hashToken, newSecret } from '../src/platform/auth/secret.ts'
import { type Database, openDatabase } from '../src/platform/database/database.ts'
import { createApp } from '../src/platform/http/create-app.ts'
import { registerRoutes } from '../src/platform/http/register-routes.ts'
import type { AnyRoute } from '../src/platform/http/route.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import { createTestDatabase } from './postgres/create-test-database.ts'

export interface TestAccount {
  accountId: string
  userId: string
  token: string
  headers: { authorization: string }
}

export interface TestPlatform {
  app: FastifyInstance
  db: Database
  bearer: BearerAuthentication
  /** A new account with one person; all permissions unless told otherwise. `platform:operate` counts only with `operator`. */
  account: (options?: { permissions?: Permission[]; operator?: boolean; accountId?: string }) => Promise<TestAccount>
  close: () => Promise<void>
}

/** A server with the given routes on a database of its own. */
export async function createTestPlatform(
  routes: (deps: {
    db: Database
    bearer: BearerAuthentication
    connectionString: string
  }) => Promise<AnyRoute[]> | AnyRoute[],
  prepare?: (app: FastifyInstance) => void,
  { maxConnections = 10 }: { maxConnections?: number } = {},
): Promise<TestPlatform> {
  const database = await createTestDatabase()
  const { db, close } = openDatabase({
    connectionString: database.connectionString,
    maxConnections,
    onError: () => {},
  })
  const bearer = createBearerAuthentication({
    db,
    accessTokens: createAccessTokens(new Uint8Array(32)),
    nowMs: Date.now,
  })
  const metrics = createMetrics()
  const app = await createApp({
    log: pino({ level: process.env.OCELLI_LOG_LEVEL ?? 'silent' }),
    metrics,
    rateLimitPerSecond: 0,
    publicUrl: 'http://127.0.0.1',
    tls: null,
  })
  prepare?.(app)
  registerRoutes(app, await routes({ db, bearer, connectionString: database.connectionString }), {
    db,
    authenticate: bearer.authenticate,
  })
  await app.ready()
  return {
    app,
    db,
    bearer,
    account: async ({ permissions = [...allPermissions], operator = false, accountId } = {}) => {
      const account =
        accountId ??
        (
          await db
            .insertInto('account')
            .values({ name: `Account ${randomUUID()}`, is_operator: operator })
            .returning('account_id')
            .executeTakeFirstOrThrow()
        ).account_id
      const { user_id } = await db
        .insertInto('account_user')
        .values({ account_id: account, email: `${randomUUID()}@example.com`, permissions })
        .returning('user_id')
        .executeTakeFirstOrThrow()
      const token = newSecret('ocp_')
      await db
        .insertInto('access_token')
        .values({ account_id: account, user_id, name: 'test', token_hash: hashToken(token) })
        .execute()
      return { accountId: account, userId: user_id, token, headers: { authorization: `Bearer ${token}` } }
    },
    close: async () => {
      await app.close()
      metrics.close()
      await close()
      await database.drop()
    },
  }
}
