import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { CallerReader } from '../../platform/auth/authenticate.ts'
import type { Authenticator } from '../../platform/auth/caller.ts'
import { costNow, type HashCost, hashSecret, verifySecret } from '../../platform/auth/secret.ts'
import type { Database } from '../../platform/database/database.ts'
import { openClient } from '../../platform/database/open-client.ts'
import { openPool } from '../../platform/database/open-pool.ts'
import { asSettings, noLimits, type SessionLimits, usualLimits } from '../../platform/database/session-limits.ts'
import type { PersonDirectory } from '../users/person-directory.ts'
import { createSessionAuthentication } from './session-authentication.ts'

export const peoplePath = '/auth/v1/people'
const schema = 'auth'
/** Any number that no other program takes on this database. */
const lockKey = 7_203_443

interface PeopleOptions {
  connectionString: string
  limits?: SessionLimits
  publicUrl: string
  /** From the instance's access-token key, so that sessions outlive a restart. */
  secret: string
  log: Logger
  db: Database
  readCaller: CallerReader
  nowMs: () => number
  passwordCost?: HashCost
}

export interface People extends PersonDirectory {
  /** Answers a request under `peoplePath`. */
  handle(request: Request): Promise<Response>
  /** Session cookie to caller; null without one. A mutation with a cookie must come from our own pages. */
  authenticate: Authenticator
  /** Forget whom a session was for: a person or permission was changed through this process. */
  forget: () => void
  /** Sessions that have ended lie there until then. */
  sweepSessions(): Promise<void>
  close(): Promise<void>
}

/**
 * Sign-in and sessions of people, in a schema of their own whose tables are brought up to date first. There is no way to
 * sign up: people come by invitation, or as the first account's administrator.
 */
export async function createPeople(options: PeopleOptions): Promise<People> {
  const { connectionString, limits = usualLimits, publicUrl, log } = options
  await prepareSignIn(options)
  const { pool, close } = openPool(
    { connectionString, max: 3, settings: { search_path: schema, timezone: 'UTC', ...asSettings(limits) } },
    (err) => log.warn({ err }, 'a connection for sign-in was lost'),
  )
  const auth = betterAuth(authSettings({ ...options, pool }))
  const { internalAdapter } = await auth.$context
  const sessions = createSessionAuthentication({
    ...options,
    trustedOrigins: trustedOrigins(publicUrl),
    isSecure: publicUrl.startsWith('https:'),
    readSession: async (cookie) => {
      // the cookie's own life is only prolonged where it can be sent back: by GET .../get-session
      const session = await auth.api.getSession({ headers: new Headers({ cookie }), query: { disableRefresh: true } })
      return session ? session.user.id : null
    },
  })
  return {
    handle: (request) => auth.handler(request),
    authenticate: sessions.authenticate,
    forget: sessions.forget,
    async createPerson({ email, password, name }) {
      const leftBehind = await internalAdapter.findUserByEmail(email)
      if (leftBehind) await internalAdapter.deleteUser(leftBehind.user.id)
      const user = await internalAdapter.createUser({ email, name, emailVerified: true }, { method: 'admin' })
      await internalAdapter.linkAccount({
        userId: user.id,
        accountId: user.id,
        providerId: 'credential',
        password: await hashSecret(password, options.passwordCost),
      })
      return user.id
    },
    async deletePerson(authUserId) {
      await internalAdapter.deleteUser(authUserId)
      sessions.forget()
    },
    async sweepSessions() {
      await pool.query('DELETE FROM session WHERE "expiresAt" < now()')
    },
    close,
  }
}

function authSettings({
  publicUrl,
  secret,
  log,
  pool,
  passwordCost = costNow,
}: Pick<PeopleOptions, 'publicUrl' | 'secret' | 'log' | 'passwordCost'> & { pool: Pool }) {
  return {
    appName: 'Ocelli',
    baseURL: publicUrl,
    basePath: peoplePath,
    secret,
    trustedOrigins: trustedOrigins(publicUrl),
    database: pool,
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 8,
      maxPasswordLength: 128,
      password: {
        hash: (password: string) => hashSecret(password, passwordCost),
        verify: ({ hash, password }: { hash: string; password: string }) => verifySecret(password, hash),
      },
    },
    session: { expiresIn: 7 * 24 * 3600, updateAge: 24 * 3600 },
    // refusals are counted in people-routes.ts, by address and e-mail
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    advanced: {
      cookiePrefix: 'ocelli',
      useSecureCookies: publicUrl.startsWith('https:'),
      disableCSRFCheck: false,
      disableOriginCheck: false,
      ipAddress: { ipAddressHeaders: ['x-ocelli-address'] },
    },
    logger: {
      level: 'warn' as const,
      log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => log[level]({ part: 'sign-in' }, message),
    },
  }
}

/** On loopback the same pages are reached by two names. */
export function trustedOrigins(publicUrl: string): string[] {
  const url = new URL(publicUrl)
  const { origin } = url
  if (url.hostname !== '127.0.0.1' && url.hostname !== 'localhost') return [origin]
  const other = new URL(publicUrl)
  other.hostname = url.hostname === 'localhost' ? '127.0.0.1' : 'localhost'
  return [origin, other.origin]
}

/** Brings the tables of sign-in up to date, or makes them, however long that takes. */
export async function prepareSignIn({ connectionString, log }: Pick<PeopleOptions, 'connectionString' | 'log'>) {
  const settings = { search_path: schema, ...asSettings(noLimits) }
  const { pool, close } = openPool({ connectionString, max: 1, settings }, () => {})
  const auth = authSettings({ log, pool, publicUrl: 'http://127.0.0.1', secret: 'x'.repeat(32) })
  try {
    await migrateAuth(connectionString, async () => (await getMigrations(auth)).runMigrations())
  } finally {
    await close()
  }
}

/** Under a lock, so that processes starting together do it once. */
async function migrateAuth(connectionString: string, run: () => Promise<void>): Promise<void> {
  const client = await openClient({ connectionString })
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey])
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
    await run()
  } finally {
    await client.end()
  }
}
