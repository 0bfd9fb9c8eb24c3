import { createHash } from 'node:crypto'
import type { HttpChallenge } from './http-challenge.ts'

export type Credentials = { user: string; password: string }

/** What a Digest challenge asks for, with the choices already made. `algorithm` is undefined where the camera named none (then MD5). */
export type DigestChallenge = {
  realm: string
  nonce: string
  opaque: string | undefined
  algorithm: string | undefined
  hash: string
  isSession: boolean
  qop: 'auth' | undefined
  isStale: boolean
}

/** One nonce in use: counts its requests and writes `Authorization` headers. */
export type DigestSession = {
  readonly challenge: DigestChallenge
  /** How many headers were written with this nonce. */
  readonly uses: number
  authorize(method: string, target: string): string
}

const HASHES = new Map([
  ['md5', 'md5'],
  ['sha-256', 'sha256'],
  ['sha-512-256', 'sha512-256'],
])

/**
 * The first Digest challenge that we can answer; cameras list them in their order of preference (RFC 7616, 3.7).
 * Undefined when there is none: other schemes, unknown algorithms, `auth-int` alone.
 */
export function chooseDigest(challenges: readonly HttpChallenge[]): DigestChallenge | undefined {
  for (const { scheme, parameters } of challenges) {
    const nonce = parameters.get('nonce')
    if (scheme !== 'digest' || nonce === undefined) continue
    const algorithm = parameters.get('algorithm')
    const name = (algorithm ?? 'MD5').toLowerCase()
    const isSession = name.endsWith('-sess')
    const hash = HASHES.get(isSession ? name.slice(0, -'-sess'.length) : name)
    const qop = chooseQop(parameters.get('qop'))
    if (hash === undefined || qop === 'unsupported') continue
    return {
      realm: parameters.get('realm') ?? '',
      nonce,
      opaque: parameters.get('opaque'),
      algorithm,
      hash,
      isSession,
      qop: qop === 'none' ? undefined : qop,
      isStale: parameters.get('stale')?.toLowerCase() === 'true',
    }
  }
  return undefined
}

// A missing or empty qop means RFC 2069's form, which old cameras still use.
function chooseQop(offered: string | undefined): 'auth' | 'none' | 'unsupported' {
  const options = (offered ?? '').split(/[\s,]+/).filter((option) => option !== '')
  if (options.length === 0) return 'none'
  return options.some((option) => option.toLowerCase() === 'auth') ? 'auth' : 'unsupported'
}

/** Starts using a nonce. The client nonce stays the same for its whole life, so that `-sess` keys agree under either reading of RFC 2617. */
export function createDigestSession(
  challenge: DigestChallenge,
  credentials: Credentials,
  random: (bytes: number) => Uint8Array,
): DigestSession {
  const cnonce = Buffer.from(random(16)).toString('hex')
  // Header values are bytes to Node, written as latin1 text: what the camera sent goes back and into the hash byte by byte, and what
  // is ours as UTF-8.
  const hash = (bytes: string) => createHash(challenge.hash).update(bytes, 'latin1').digest('hex')
  const { realm, nonce, opaque, algorithm, qop } = challenge
  const user = utf8Bytes(credentials.user)
  const passwordHash = hash(`${user}:${realm}:${utf8Bytes(credentials.password)}`)
  const key = challenge.isSession ? hash(`${passwordHash}:${nonce}:${cnonce}`) : passwordHash
  let uses = 0

  function authorize(method: string, target: string): string {
    uses += 1
    const count = uses.toString(16).padStart(8, '0')
    const request = hash(`${method}:${target}`)
    const response = hash(
      qop === undefined ? `${key}:${nonce}:${request}` : `${key}:${nonce}:${count}:${cnonce}:${qop}:${request}`,
    )
    const fields = [
      `username=${quote(user)}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(nonce)}`,
      `uri=${quote(target)}`,
      `response="${response}"`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
      ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${count}`]),
      ...(qop !== undefined || challenge.isSession ? [`cnonce="${cnonce}"`] : []),
    ]
    return `Digest ${fields.join(', ')}`
  }

  return {
    challenge,
    get uses() {
      return uses
    },
    authorize,
  }
}

function utf8Bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
