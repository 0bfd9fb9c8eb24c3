import { createHash, timingSafeEqual } from 'node:crypto'
import { attributeNamed, childNamed, type XmlElement } from '../xml/reader.ts'
import { parseDateTimeMs } from '../xml/time-values.ts'

export type TokenVerdict =
  | { kind: 'accepted'; username: string }
  | { kind: 'refused'; username: string | null; detail: string }

export interface TokenVerifier {
  /** Judges the wsse:Security header of a request. */
  verify(security: XmlElement): TokenVerdict
  /** Forgets the nonces seen, as a reboot does. */
  forget(): void
}

export interface TokenVerifierOptions {
  /** The camera's own clock, not true time. */
  deviceNowMs: () => number
  /** How far Created may lie from the camera's clock, either way. */
  createdWindowMs: number
  passwordOf: (username: string) => string | undefined
}

const digestType = '#PasswordDigest'

/** The server side of the OASIS UsernameToken Profile 1.0, password digests only. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { deviceNowMs, createdWindowMs, passwordOf } = options
  const seen = new Map<string, number>()

  function verify(security: XmlElement): TokenVerdict {
    const token = childNamed(security, 'UsernameToken')
    const username = token && childNamed(token, 'Username')?.text.trim()
    if (token === undefined || username === undefined) return refused(null, 'There is no UsernameToken.')
    const password = childNamed(token, 'Password')
    const nonceText = childNamed(token, 'Nonce')?.text.trim()
    const created = childNamed(token, 'Created')?.text.trim()
    if (password === undefined || nonceText === undefined || created === undefined) {
      return refused(username, 'A token needs Password, Nonce and Created.')
    }
    if (!(attributeNamed(password, 'Type') ?? '').endsWith(digestType)) {
      return refused(username, 'Only password digests are taken.')
    }
    const known = passwordOf(username)
    if (known === undefined) return refused(username, 'There is no such user.')
    const nonce = Buffer.from(nonceText, 'base64')
    if (!isSameDigest(password.text.trim(), { nonce, created, password: known })) {
      return refused(username, 'The password is wrong.')
    }
    return judgeFreshness(username, created, nonce.toString('base64'))
  }

  function judgeFreshness(username: string, created: string, nonce: string): TokenVerdict {
    const nowMs = deviceNowMs()
    const createdMs = parseDateTimeMs(created)
    if (createdMs === null) return refused(username, 'Created is no time.')
    if (Math.abs(createdMs - nowMs) > createdWindowMs) {
      return refused(username, 'Created is too far from the time of this camera.')
    }
    for (const [old, expiresMs] of seen) if (expiresMs < nowMs) seen.delete(old)
    if (seen.has(nonce)) return refused(username, 'The nonce was used before.')
    seen.set(nonce, createdMs + createdWindowMs)
    return { kind: 'accepted', username }
  }

  return { verify, forget: () => seen.clear() }
}

function isSameDigest(sent: string, parts: { nonce: Buffer; created: string; password: string }): boolean {
  const expected = createHash('sha1').update(parts.nonce).update(parts.created).update(parts.password).digest()
  const given = Buffer.from(sent, 'base64')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function refused(username: string | null, detail: string): TokenVerdict {
  return { kind: 'refused', username, detail }
}
