import { createHash } from 'node:crypto'
import type { Caller } from '../auth/caller.ts'
import { createRecentMap } from '../recent-map.ts'

interface Headers {
  authorization?: string | undefined
  cookie?: string | undefined
}

/** Whose credentials were good when they were last seen, so that a caller is told from others before it is asked for. */
export interface KnownCallers {
  /** The same for all credentials of one caller; null for none, and for one that nobody has vouched for. */
  keyOf(headers: Headers): string | null
  accepted(headers: Headers, caller: Pick<Caller, 'kind' | 'id'>): void
  refused(headers: Headers): void
}

/** Bounded: the credentials that were accepted longest ago are forgotten first. They are kept hashed. */
export function createKnownCallers({ maxCredentials }: { maxCredentials: number }): KnownCallers {
  const known = createRecentMap<string>({ maxKeys: maxCredentials })
  return {
    keyOf(headers) {
      const credential = hashOf(headers)
      return credential === null ? null : (known.get(credential) ?? null)
    },
    accepted(headers, { kind, id }) {
      const credential = hashOf(headers)
      if (credential !== null) known.set(credential, `${kind} ${id}`)
    },
    refused(headers) {
      const credential = hashOf(headers)
      if (credential !== null) known.delete(credential)
    },
  }
}

function hashOf({ authorization, cookie }: Headers): string | null {
  const credential = authorization ?? cookie
  return credential === undefined ? null : createHash('sha256').update(credential).digest('base64url')
}
