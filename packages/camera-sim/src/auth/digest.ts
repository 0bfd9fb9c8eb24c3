import { createHash } from 'node:crypto'
import { type DigestAlgorithm, type DigestCredentials, parseDigestHeader } from './digest-header.ts'
import type { NonceBook } from './digest-nonce.ts'

/** How the challenge is written; real cameras leave parts of it out. */
export interface ChallengeShape {
  qop: 'auth' | 'auth,auth-int' | 'absent'
  algorithm: 'token' | 'quoted' | 'absent'
  opaque?: 'absent'
}

/**
 * `challenge`: nothing was proven and nothing was guessed (no nonce of ours, another camera's realm, a scheme that is
 * not offered). `refused`: a user or password was wrong.
 */
export type DigestVerdict =
  | { kind: 'accepted'; username: string }
  | { kind: 'challenge'; stale: boolean; detail: string }
  | { kind: 'refused'; username: string; detail: string }
  | { kind: 'malformed'; detail: string }

export interface DigestRequest {
  header: string
  method: string
  /** The request target exactly as it stood in the request line. */
  target: string
}

export interface DigestServer {
  /** The WWW-Authenticate values, one per algorithm in order of preference. */
  challenges(stale: boolean): string[]
  verify(request: DigestRequest): DigestVerdict
}

export interface DigestServerOptions {
  realm: () => string
  nonces: NonceBook
  algorithms: () => readonly DigestAlgorithm[]
  shape: () => ChallengeShape
  passwordOf: (username: string) => string | undefined
}

/** The server side of HTTP Digest (RFC 7616), as far as ONVIF Core asks for it. */
export function createDigestServer(options: DigestServerOptions): DigestServer {
  const { realm, nonces, algorithms, shape, passwordOf } = options
  // Constant over reboots: a client may send its last header again before it learns that the nonce is gone.
  const opaque = createHash('sha256').update(realm()).digest('hex').slice(0, 16)

  function challenges(stale: boolean): string[] {
    // One nonce for all algorithms: some clients take the algorithm of one header and the nonce of the other.
    const nonce = nonces.issue()
    return algorithms().map((algorithm) => writeChallenge({ realm: realm(), nonce, opaque, algorithm, stale }, shape()))
  }

  function verify(request: DigestRequest): DigestVerdict {
    const credentials = parseDigestHeader(request.header)
    if (credentials === null) return challenge('The Authorization header holds no Digest credentials.')
    const { username } = credentials
    if (credentials.uri !== request.target) return { kind: 'malformed', detail: 'uri differs from the request target.' }
    if (credentials.realm !== realm()) return challenge('The realm is not that of this camera.')
    const algorithm = algorithms().find((one) => one.toLowerCase() === credentials.algorithm.toLowerCase())
    if (algorithm === undefined) return challenge(`The algorithm ${credentials.algorithm} is not offered.`)
    const form = checkForm(credentials)
    if (form !== null) return { kind: 'malformed', detail: form }
    const password = passwordOf(username)
    if (password === undefined) return { kind: 'refused', username, detail: 'There is no such user.' }
    if (computeResponse(credentials, { algorithm, password, method: request.method }) !== credentials.response) {
      return { kind: 'refused', username, detail: 'The password is wrong.' }
    }
    return judgeNonce(credentials)
  }

  function checkForm(credentials: DigestCredentials): string | null {
    if (shape().qop === 'absent') return credentials.qop === undefined ? null : 'qop was not offered.'
    if (credentials.qop !== 'auth') return 'qop must be auth.'
    if (!/^[0-9a-f]{8}$/i.test(credentials.nc)) return 'nc must be 8 hex digits.'
    return credentials.cnonce === '' ? 'cnonce is missing.' : null
  }

  function judgeNonce(credentials: DigestCredentials): DigestVerdict {
    if (nonces.judge(credentials.nonce) !== 'usable') return challenge('The nonce is too old.', true)
    if (shape().opaque !== 'absent' && credentials.opaque !== opaque) return challenge('opaque was not sent back.')
    const count = Number.parseInt(credentials.nc, 16)
    if (credentials.qop !== undefined && !nonces.use(credentials.nonce, count)) {
      return challenge('The nonce count was used before.', true)
    }
    return { kind: 'accepted', username: credentials.username }
  }

  return { challenges, verify }
}

function challenge(detail: string, stale = false): DigestVerdict {
  return { kind: 'challenge', stale, detail }
}

interface ChallengeParts {
  realm: string
  nonce: string
  opaque: string
  algorithm: DigestAlgorithm
  stale: boolean
}

function writeChallenge(parts: ChallengeParts, shape: ChallengeShape): string {
  const algorithm = { token: parts.algorithm, quoted: `"${parts.algorithm}"`, absent: null }[shape.algorithm]
  return `Digest ${[
    ...(algorithm === null ? [] : [`algorithm=${algorithm}`]),
    `realm="${parts.realm.replace(/[\\"]/g, '\\$&')}"`,
    ...(shape.qop === 'absent' ? [] : [`qop="${shape.qop}"`]),
    `nonce="${parts.nonce}"`,
    ...(shape.opaque === 'absent' ? [] : [`opaque="${parts.opaque}"`]),
    ...(parts.stale ? ['stale=true'] : []),
  ].join(', ')}`
}

interface Secret {
  algorithm: DigestAlgorithm
  password: string
  method: string
}

function computeResponse(credentials: DigestCredentials, secret: Secret): string {
  const { username, realm, nonce, uri, nc, cnonce, qop } = credentials
  const isSession = secret.algorithm.endsWith('-sess')
  const name = secret.algorithm.startsWith('MD5') ? 'md5' : 'sha256'
  const hash = (text: string) => createHash(name).update(text).digest('hex')
  const ownHash = hash(`${username}:${realm}:${secret.password}`)
  const one = isSession ? hash(`${ownHash}:${nonce}:${cnonce}`) : ownHash
  const two = hash(`${secret.method}:${uri}`)
  return hash(qop === undefined ? `${one}:${nonce}:${two}` : `${one}:${nonce}:${nc}:${cnonce}:${qop}:${two}`)
}
