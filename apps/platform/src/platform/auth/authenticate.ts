import type { Permission } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { ProblemError } from '../http/problem.ts'
import type { AccessTokens } from './access-token.ts'
import type { Authenticator, Caller } from './caller.ts'
import { hashToken } from './secret.ts'

export const personalAccessTokenPrefix = 'ocp_'
const rememberedForMs = 5000

export interface CallerReader {
  /** The person as the database knows it now; null when removed or suspended. */
  user(userId: string, tokenPermissions?: Permission[] | null): Promise<Caller | null>
}

export interface BearerAuthentication {
  authenticate: Authenticator
  readCaller: CallerReader
  /** Forget what is remembered: a permission or token was changed through this process. */
  forget: () => void
}

/** Bearer credentials: access tokens of machines and gateways, personal access tokens of people. */
export function createBearerAuthentication(options: {
  db: Database
  accessTokens: AccessTokens
  nowMs: () => number
}): BearerAuthentication {
  const { db, accessTokens, nowMs } = options
  const remembered = new Map<string, { caller: Caller; untilMs: number }>()

  const resolve = async (token: string): Promise<Caller> => {
    if (token.startsWith(personalAccessTokenPrefix)) return required(await byPersonalToken(db, token))
    const subject = await accessTokens.verify(token)
    return required(
      subject.kind === 'gateway' ? await readGateway(db, subject.id) : await readTechnicalUser(db, subject),
    )
  }
  return {
    authenticate: async ({ headers }) => {
      const header = headers.authorization
      if (typeof header !== 'string') return null
      const token = /^Bearer +([\w.~+/=-]{1,4096})$/i.exec(header)?.[1]
      if (!token)
        throw new ProblemError('unauthenticated', 'The Authorization header is not of the form `Bearer <token>`.')
      const known = remembered.get(token)
      if (known && known.untilMs > nowMs()) return known.caller
      if (remembered.size > 50_000) remembered.clear()
      remembered.delete(token)
      const caller = await resolve(token)
      remembered.set(token, { caller, untilMs: nowMs() + rememberedForMs })
      return caller
    },
    readCaller: { user: (userId, tokenPermissions) => readUser(db, userId, tokenPermissions ?? null) },
    forget: () => remembered.clear(),
  }
}

function required(caller: Caller | null): Caller {
  if (caller) return caller
  throw new ProblemError('unauthenticated', 'This token is not valid, was revoked, or its account is suspended.', {
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  })
}

async function byPersonalToken(db: Database, token: string): Promise<Caller | null> {
  const row = await db
    .updateTable('access_token')
    .set({ last_used_at: sql`now()` })
    .where('token_hash', '=', hashToken(token))
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', sql<string>`now()`)]))
    .returning(['user_id', 'permissions'])
    .executeTakeFirst()
  return row ? await readUser(db, row.user_id, row.permissions) : null
}

async function readUser(db: Database, userId: string, limitedTo: Permission[] | null): Promise<Caller | null> {
  const row = await db
    .selectFrom('account_user as u')
    .innerJoin('account as a', 'a.account_id', 'u.account_id')
    .where('u.user_id', '=', userId)
    .where('a.suspended_at', 'is', null)
    .select(['u.account_id', 'u.permissions', 'a.is_operator'])
    .select(
      sql<string[]>`ARRAY(SELECT project_id::text FROM project_member m WHERE m.user_id = u.user_id)`.as('project_ids'),
    )
    .executeTakeFirst()
  if (!row) return null
  const held = row.permissions.filter((permission) => !limitedTo || limitedTo.includes(permission))
  const permissions = effective(held, row.is_operator)
  return {
    kind: 'user',
    id: userId,
    accountId: row.account_id,
    permissions,
    scope: permissions.has('projects:manage') ? { all: true } : { all: false, projectIds: row.project_ids },
  }
}

async function readTechnicalUser(
  db: Database,
  { id: clientId, secretNumber }: { id: string; secretNumber: number },
): Promise<Caller | null> {
  const row = await db
    .selectFrom('technical_user as t')
    .innerJoin('account as a', 'a.account_id', 't.account_id')
    .where('t.client_id', '=', clientId)
    .where('t.secret_number', '=', secretNumber)
    .where('t.revoked_at', 'is', null)
    .where('a.suspended_at', 'is', null)
    .select(['t.account_id', 't.permissions', 't.whole_account', 'a.is_operator'])
    .select(
      sql<string[]>`ARRAY(SELECT project_id::text FROM technical_user_project p WHERE p.client_id = t.client_id)`.as(
        'project_ids',
      ),
    )
    .executeTakeFirst()
  if (!row) return null
  return {
    kind: 'technical-user',
    id: clientId,
    accountId: row.account_id,
    permissions: effective(row.permissions, row.is_operator),
    scope: row.whole_account ? { all: true } : { all: false, projectIds: row.project_ids },
  }
}

async function readGateway(db: Database, gatewayId: string): Promise<Caller | null> {
  const row = await db
    .selectFrom('gateway as g')
    .innerJoin('account as a', 'a.account_id', 'g.account_id')
    .where('g.gateway_id', '=', gatewayId)
    .where('g.revoked_at', 'is', null)
    .where('a.suspended_at', 'is', null)
    .select('g.account_id')
    .executeTakeFirst()
  if (!row) return null
  return { kind: 'gateway', id: gatewayId, accountId: row.account_id, permissions: new Set(), scope: { all: true } }
}

/** Instance administration belongs to the first account only, whatever a row says. */
function effective(permissions: Permission[], isOperator: boolean): ReadonlySet<Permission> {
  return new Set(permissions.filter((permission) => permission !== 'platform:operate' || isOperator))
}
