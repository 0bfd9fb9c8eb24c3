import type { CallerReader } from '../../platform/auth/authenticate.ts'
import type { Authenticator, Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'

const rememberedForMs = 5000
const maxRemembered = 10_000

/** Callers by session cookie, each remembered for five seconds. */
export function createSessionAuthentication(options: {
  db: Database
  readCaller: CallerReader
  /** The auth_user_id of a session that is good; null for any other. */
  readSession: (cookie: string) => Promise<string | null>
  trustedOrigins: string[]
  /** Over HTTPS browsers take the cookie from HTTPS alone, and it is called so. */
  isSecure: boolean
  nowMs: () => number
}): { authenticate: Authenticator; forget: () => void } {
  const { db, readCaller, readSession, trustedOrigins, isSecure, nowMs } = options
  const name = `${isSecure ? '__Secure-' : ''}ocelli.session_token`
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
      const session = typeof headers.cookie === 'string' ? readCookie(headers.cookie, name) : undefined
      if (session === undefined) return null
      if (method !== 'GET' && method !== 'HEAD') refuseForeign(headers, trustedOrigins)
      const known = remembered.get(session)
      if (known && known.untilMs > nowMs()) return known.caller
      // this one alone: another cookie of the header must not decide for whom it is remembered
      const caller = await resolve(`${name}=${session}`)
      if (remembered.size >= maxRemembered) remembered.clear()
      remembered.set(session, { caller, untilMs: nowMs() + rememberedForMs })
      return caller
    },
    forget: () => remembered.clear(),
  }
}

/** The first of this name: browsers send the one of the longest path, and of two the older one, first (RFC 6265, 5.4). */
function readCookie(header: string, name: string): string | undefined {
  const pairs = header.split(';').map((pair) => pair.trim())
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
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
