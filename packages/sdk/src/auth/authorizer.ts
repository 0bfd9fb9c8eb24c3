import type { Clock } from '../clock.ts'
import { invalidOptions } from '../errors/ocelli-error.ts'
import type { Credentials } from './credentials.ts'
import { createTokenSource, type IssuedToken } from './token-source.ts'

export interface Authorization {
  headers: Record<string, string>
  /** What to report as refused. */
  token: string | null
}

/** Puts credentials on requests. */
export interface Authorizer {
  readonly cookies: 'include' | 'omit'
  authorize(signal?: AbortSignal): Promise<Authorization>
  /** The platform refused it with 401. True when another may be had, so that one more attempt makes sense. */
  refused(authorization: Authorization): boolean
  answered(response: Response): void
}

const nobody: Authorizer = {
  cookies: 'omit',
  authorize: async () => ({ headers: {}, token: null }),
  refused: () => false,
  answered: () => {},
}

export function createAuthorizer(
  credentials: Credentials,
  { fetchToken, clock, baseUrl }: { fetchToken: () => Promise<IssuedToken>; clock: Clock; baseUrl: string },
): Authorizer {
  switch (credentials.kind) {
    case 'none':
      return nobody
    case 'token':
      return { ...nobody, authorize: async () => bearer(credentials.token) }
    case 'client-credentials': {
      const source = createTokenSource({ fetchToken, clock })
      return {
        ...nobody,
        authorize: async (signal) => bearer(await source.get(signal)),
        refused({ token }) {
          if (token === null) return false
          source.forget(token)
          return true
        },
      }
    }
    case 'provider': {
      let refusedToken: string | null = null
      return {
        ...nobody,
        authorize: async (signal) => bearer(await credentials.accessToken({ refusedToken, signal })),
        refused({ token }) {
          refusedToken = token
          return true
        },
      }
    }
    case 'session':
      return sessionAuthorizer(new URL(baseUrl).origin)
  }
}

function bearer(token: string): Authorization {
  if (!/^[\w.~+/=-]{1,4096}$/.test(token)) throw invalidOptions('The access token has characters that no token has.')
  return { headers: { authorization: `Bearer ${token}` }, token }
}

/** A browser keeps cookies from us and sends them by itself; elsewhere there is nobody else to keep them. */
function sessionAuthorizer(origin: string): Authorizer {
  const kept = new Map<string, string>()
  return {
    ...nobody,
    cookies: 'include',
    async authorize() {
      const cookie = [...kept].map(([name, value]) => `${name}=${value}`).join('; ')
      // Node's fetch says that it is a browser (sec-fetch-mode); the platform then wants to know of which page
      const headers: Record<string, string> = cookie ? { cookie, origin } : { origin }
      return { headers, token: null }
    },
    answered({ headers }) {
      for (const line of headers.getSetCookie?.() ?? []) {
        const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
        if (name === undefined || value === undefined) continue
        if (value === '' || /;\s*max-age=0\b/i.test(line)) kept.delete(name)
        else kept.set(name, value)
      }
    },
  }
}
