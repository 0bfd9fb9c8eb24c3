import { randomUUID } from 'node:crypto'
import { permissions as allPermissions, type Permission, type Problem } from '@ocelli/contract'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino } from 'pino'
import { type AccessTokens, createAccessTokens } from '../src/platform/auth/access-token.ts'
import { type BearerAuthentication, createBearerAuthentication } from '../src/platform/auth/authenticate.ts'
import { type HashCost, hashToken, newSecret } from '../src/platform/auth/secret.ts'
import { type Database, openDatabase } from '../src/platform/database/database.ts'
import { type SessionLimits, usualLimits } from '../src/platform/database/session-limits.ts'
import { createApp } from '../src/platform/http/create-app.ts'
import { createOpenStreams } from '../src/platform/http/open-streams.ts'
import { registerRoutes } from '../src/platform/http/register-routes.ts'
import type { AnyRoute } from '../src/platform/http/route.ts'
import { createMetrics, type Metrics } from '../src/platform/metrics.ts'
import { createTestDatabase } from './postgres/create-test-database.ts'

export interface TestAccount {
  accountId: string
  userId: string
  email: string
  token: string
  headers: { authorization: string }
}

/** What routes may need of the platform around them. */
export interface TestParts {
  db: Database
  bearer: BearerAuthentication
  accessTokens: AccessTokens
  metrics: Metrics
  connectionString: string
  nowMs: () => number
}

interface TokenLimits {
  expiresAt?: string
  permissions?: Permission[]
}

export interface TestPlatform extends TestParts {
  app: FastifyInstance
  /** A test may move it. */
  clock: { nowMs: number | null }
  /** A new account with one person; all permissions unless told otherwise. `platform:operate` counts only with `operator`. */
  account: (options?: {
    permissions?: Permission[]
    operator?: boolean
    accountId?: string
    name?: string
  }) => Promise<TestAccount>
  /** Another person of the account, with a personal access token. */
  user: (accountId: string, permissions: Permission[], token?: TokenLimits) => Promise<TestAccount>
  /** A technical user of the account; null: it sees the whole account. Gives the headers of its access token. */
  machine: (
    accountId: string,
    options: { permissions: Permission[]; projectIds: string[] | null },
  ) => Promise<TestAccount['headers']>
  /** `'POST /path'` by somebody, or by nobody. A test that expects no problem names what it expects. */
  call: <Body = Partial<Problem>>(
    by: Pick<TestAccount, 'headers'> | null,
    line: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} ${string}`,
    body?: InjectOptions['payload'],
  ) => Promise<{ status: number; headers: Record<string, unknown>; body: Body }>
  /** The types of the account's events, in their order. */
  events: (accountId: string) => Promise<string[]>
  close: () => Promise<void>
}

/** For passwords and chosen secrets of tests: what it costs to hash them is no matter here. */
export const quickHash: HashCost = { cost: 1024, parallelization: 1 }

/** For routes that would refuse more than so many. */
export const noLimits = { streams: createOpenStreams({ perCaller: 0, perAccount: 0 }), openRolloutsPerAccount: 0 }

/** A server with the given routes on a database of its own. */
export async function createTestPlatform(
  routes: (parts: TestParts) => Promise<AnyRoute[]> | AnyRoute[],
  prepare?: (app: FastifyInstance) => void,
  {
    maxConnections = 10,
    limits = usualLimits,
    rateLimitPerSecond = 0,
    trustedProxies = [],
  }: { maxConnections?: number; limits?: SessionLimits; rateLimitPerSecond?: number; trustedProxies?: string[] } = {},
): Promise<TestPlatform> {
  const database = await createTestDatabase()
  const { connectionString } = database
  const { db, close } = openDatabase({ connectionString, maxConnections, limits, onError: () => {} })
  const clock: TestPlatform['clock'] = { nowMs: null }
  const nowMs = () => clock.nowMs ?? Date.now()
  const accessTokens = createAccessTokens(new Uint8Array(32).fill(7))
  const bearer = createBearerAuthentication({ db, accessTokens, nowMs })
  const metrics = createMetrics()
  const log = pino({ level: process.env.OCELLI_LOG_LEVEL ?? 'silent' })
  const app = await createApp({
    ...{ log, metrics, rateLimitPerSecond, trustedProxies },
    ...{ publicUrl: 'http://127.0.0.1', tls: null },
  })
  prepare?.(app)
  const parts: TestParts = { db, bearer, accessTokens, metrics, connectionString, nowMs }
  registerRoutes(app, await routes(parts), { db, authenticate: bearer.authenticate })
  await app.ready()

  const user: TestPlatform['user'] = async (accountId, permissions, { expiresAt, permissions: limitedTo } = {}) => {
    const email = `${randomUUID()}@example.com`
    const { user_id: userId } = await db
      .insertInto('account_user')
      .values({ account_id: accountId, email, permissions, auth_user_id: randomUUID() })
      .returning('user_id')
      .executeTakeFirstOrThrow()
    const token = newSecret('ocp_')
    const limits = { expires_at: expiresAt ?? null, permissions: limitedTo ?? null }
    await db
      .insertInto('access_token')
      .values({ account_id: accountId, user_id: userId, name: 'test', token_hash: hashToken(token), ...limits })
      .execute()
    return { accountId, userId, email, token, headers: bearerHeader(token) }
  }

  return {
    ...parts,
    app,
    clock,
    user,
    async account({ permissions = [...allPermissions], operator = false, accountId, name } = {}) {
      if (accountId) return await user(accountId, permissions)
      const { account_id } = await db
        .insertInto('account')
        .values({ name: name ?? `Account ${randomUUID()}`, is_operator: operator })
        .returning('account_id')
        .executeTakeFirstOrThrow()
      return await user(account_id, permissions)
    },
    async machine(accountId, { permissions, projectIds }) {
      const { client_id } = await db
        .insertInto('technical_user')
        .values({
          ...{ client_id: randomUUID(), account_id: accountId, name: 'test', secret_hash: 'x' },
          ...{ permissions, whole_account: projectIds === null },
        })
        .returning('client_id')
        .executeTakeFirstOrThrow()
      const rows = (projectIds ?? []).map((project_id) => ({ account_id: accountId, client_id, project_id }))
      if (rows.length > 0) await db.insertInto('technical_user_project').values(rows).execute()
      return bearerHeader(await accessTokens.issue({ kind: 'technical-user', id: client_id, secretNumber: 0 }))
    },
    async call<Body>(by: Pick<TestAccount, 'headers'> | null, line: string, payload?: InjectOptions['payload']) {
      const [method, url] = line.split(' ') as [InjectOptions['method'], string]
      const answer = await app.inject({ method, url, headers: by?.headers ?? {}, ...(payload ? { payload } : {}) })
      return { status: answer.statusCode, headers: answer.headers, body: (answer.body ? answer.json() : null) as Body }
    },
    async events(accountId) {
      const events = db.selectFrom('event').select('type').where('account_id', '=', accountId)
      return (await events.orderBy('xid').orderBy('event_id').execute()).map(({ type }) => type)
    },
    async close() {
      await app.close()
      metrics.close()
      await close()
      await database.drop()
    },
  }
}

export const bearerHeader = (token: string) => ({ authorization: `Bearer ${token}` })
