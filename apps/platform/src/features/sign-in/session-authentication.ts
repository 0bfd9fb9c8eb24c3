import type { CallerReader } from '../../platform/auth/authenticate.ts'
import type { Authenticator, Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'

const sessionCookie = /(?:^|;\s*)(?:__Secure-)?ocelli\.session_token=([^;]+)/
const rememberedForMs = 5000
const maxRemembered = 10_000

/** Callers by session cookie, each remembered for five seconds. */
export function createSessionAuthentication(options: {
  db: Database
  readCaller: CallerReader
  /** The auth_user_id of a session that is good; null for any other. */
  readSession: (cookie: string) => Promise<string | null>
  trustedOrigins: string[]
  nowMs: () => number
}): { authenticate: Authenticator; forget: () => void } {
  const { db, readCaller, readSession, trustedOrigins, nowMs } = options
  const remembered = new Map<string, { caller: Caller; untilMs: number }>()

  async function resolve(cookie: string): Promise<Caller> {
    const authUserId = await readSession(cookie)
    const user = authUserId
      ? await db.selectFrom('account_user').select('user_id').where('auth_user_id', '=', authUserId).executeTakeFirst()
      : undefined
    const caller = user ? await readCaller.user(user.user_id) : null
    if (!caller) throw new ProblemError('unauthenticated', 'The session has ended. Sign in again.')
    return caller
  }
  return {
    authenticate: async ({ headers, method }) => {
      const { cookie } = headers
      const session = typeof cookie === 'string' ? sessionCookie.exec(cookie)?.[1] : undefined
      if (typeof cookie !== 'string' || session === undefined) return null
      if (method !== 'GET' && method !== 'HEAD') refuseForeign(headers, trustedOrigins)
      const known = remembered.get(session)
      if (known && known.untilMs > nowMs()) return known.caller
      const caller = await resolve(cookie)
      if (remembered.size >= maxRemembered) remembered.clear()
      remembered.set(session, { caller, untilMs: nowMs() + rememberedForMs })
      return caller
    },
    forget: () => remembered.clear(),
  }
}

/** Browsers send the cookie also for another site's form: only a page of ours may change anything by it. */
export function refuseForeign(headers: Record<string, string | string[] | undefined>, trustedOrigins: string[]): void {
  const { origin } = headers
  if (typeof origin === 'string' && trustedOrigins.includes(origin)) return
  if (origin === undefined && headers['sec-fetch-site'] === 'same-origin') return
  throw new ProblemError(
    'permission-missing',
    'A request with a session cookie must come from a page of this platform.',
  )
}
