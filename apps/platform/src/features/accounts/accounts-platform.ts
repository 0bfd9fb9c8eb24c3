import { randomUUID } from 'node:crypto'
import { permissions as allPermissions, type Permission } from '@ocelli/contract'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino } from 'pino'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { createAccessTokens } from '../../platform/auth/access-token.ts'
import { createBearerAuthentication } from '../../platform/auth/authenticate.ts'
import { hashToken, newSecret } from '../../platform/auth/secret.ts'
import { type Database, openDatabase } from '../../platform/database/database.ts'
import { createApp } from '../../platform/http/create-app.ts'
import { registerRoutes } from '../../platform/http/register-routes.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { accessTokenRoutes } from '../access-tokens/access-tokens-routes.ts'
import { authTokenRoutes } from '../auth-token/auth-token-routes.ts'
import { projectRoutes } from '../projects/projects-routes.ts'
import { technicalUserRoutes } from '../technical-users/technical-users-routes.ts'
import type { PersonDirectory } from '../users/person-directory.ts'
import { userRoutes } from '../users/users-routes.ts'
import { accountRoutes } from './accounts-routes.ts'

export interface TestCaller {
  accountId: string
  userId: string
  email: string
  headers: { authorization: string }
}

/** A directory that only remembers. */
function rememberingDirectory(): PersonDirectory & { people: Map<string, { email: string; password: string }> } {
  const people = new Map<string, { email: string; password: string }>()
  return {
    people,
    createPerson: async (person) => {
      const id = randomUUID()
      people.set(id, person)
      return id
    },
    deletePerson: async (id) => void people.delete(id),
  }
}

/** Accounts, people and projects over HTTP on a database of the test's own. For tests only. */
export async function createAccountsPlatform() {
  const database = await createTestDatabase()
  const { db, close } = openDatabase({ ...database, maxConnections: 10, onError: () => {} })
  const log = pino({ level: 'silent' })
  const clock = { nowMs: Date.now() }
  const nowMs = () => clock.nowMs
  const accessTokens = createAccessTokens(new Uint8Array(32).fill(7))
  const bearer = createBearerAuthentication({ db, accessTokens, nowMs })
  const people = rememberingDirectory()
  const app = await createApp({
    log,
    metrics: createMetrics(),
    rateLimitPerSecond: 0,
    publicUrl: 'http://127.0.0.1:8080',
    tls: null,
  })
  const deps = { forget: bearer.forget, people, publicUrl: 'http://127.0.0.1:8080', log, nowMs, accessTokens }
  registerRoutes(
    app,
    [
      ...authTokenRoutes(deps),
      ...accountRoutes(deps),
      ...userRoutes(deps),
      ...technicalUserRoutes(deps),
      ...accessTokenRoutes(deps),
      ...projectRoutes(deps),
    ],
    { db, authenticate: bearer.authenticate },
  )

  async function user(
    accountId: string,
    permissions: Permission[],
    token: { expiresAt?: string; permissions?: Permission[] } = {},
  ): Promise<TestCaller> {
    const email = `${randomUUID()}@example.com`
    const { user_id: userId } = await db
      .insertInto('account_user')
      .values({ account_id: accountId, email, permissions, auth_user_id: randomUUID() })
      .returning('user_id')
      .executeTakeFirstOrThrow()
    const secret = newSecret('ocp_')
    await db
      .insertInto('access_token')
      .values({
        account_id: accountId,
        user_id: userId,
        name: 'test',
        token_hash: hashToken(secret),
        permissions: token.permissions ?? null,
        expires_at: token.expiresAt ?? null,
      })
      .execute()
    return { accountId, userId, email, headers: { authorization: `Bearer ${secret}` } }
  }

  async function account(
    options: { permissions?: Permission[]; name?: string; isOperator?: boolean } = {},
  ): Promise<TestCaller> {
    const { account_id: accountId } = await db
      .insertInto('account')
      .values({ name: options.name ?? 'Example', is_operator: options.isOperator ?? false })
      .returning('account_id')
      .executeTakeFirstOrThrow()
    return await user(accountId, options.permissions ?? [...allPermissions])
  }

  return {
    app,
    db,
    people,
    clock,
    nowMs,
    accessTokens,
    account,
    user,
    call: caller(app),
    events: (accountId: string) => eventTypes(db, accountId),
    async close() {
      await app.close()
      await close()
      await database.drop()
    },
  }
}
export type AccountsPlatform = Awaited<ReturnType<typeof createAccountsPlatform>>

function caller(app: FastifyInstance) {
  return async (
    by: Pick<TestCaller, 'headers'> | null,
    line: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} ${string}`,
    body?: InjectOptions['payload'],
  ) => {
    const [method, url] = line.split(' ') as [InjectOptions['method'], string]
    const response = await app.inject({ method, url, headers: by?.headers ?? {}, ...(body ? { payload: body } : {}) })
    return { status: response.statusCode, headers: response.headers, body: response.body ? response.json() : null }
  }
}

async function eventTypes(db: Database, accountId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('event')
    .select('type')
    .where('account_id', '=', accountId)
    .orderBy('event_id')
    .execute()
  return rows.map(({ type }) => type)
}
