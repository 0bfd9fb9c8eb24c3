import type { XmlElement } from '../xml/reader.ts'
import { type AccessClass, type CameraUser, isAllowed } from './access.ts'
import { type ChallengeShape, createDigestServer } from './digest.ts'
import type { DigestAlgorithm } from './digest-header.ts'
import { createNonceBook } from './digest-nonce.ts'
import { createLockout, type LockoutPolicy } from './lockout.ts'
import { createTokenVerifier } from './username-token.ts'

/** Which proofs SOAP requests may carry. Uploads always take Digest: they have no envelope for a token. */
export type AuthenticationMode = 'digest' | 'digest-md5' | 'digest-sha256' | 'wsse' | 'both'

export type Verdict =
  | { kind: 'granted'; user: CameraUser | null; by: Proof }
  /** HTTP 401 with these WWW-Authenticate values. */
  | { kind: 'challenge'; headers: string[]; detail: string; isRefusedLogin: boolean; user: string | null }
  /** SOAP fault env:Sender / ter:NotAuthorized. */
  | { kind: 'not-authorized'; detail: string; isRefusedLogin: boolean; user: string | null }
  | { kind: 'malformed'; detail: string }

type Proof = 'none' | 'digest' | 'username-token'

export interface AccessRequest {
  access: AccessClass
  method: string
  target: string
  authorization: string | undefined
  security: XmlElement | undefined
  isSoap: boolean
}

export interface Gatekeeper {
  authorize(request: AccessRequest): Verdict
  refusedLogins(): number
  isLockedOut(): boolean
  /** What a reboot does: nonces, seen tokens and the lock are gone, the count of refused logins stays. */
  restart(): void
}

export interface GatekeeperOptions {
  users: () => readonly CameraUser[]
  realm: () => string
  mode: () => AuthenticationMode
  challengeShape: () => ChallengeShape
  lockout: LockoutPolicy | null
  nonceLifeMs: number
  createdWindowMs: number
  nowMs: () => number
  deviceNowMs: () => number
  randomBytes: (size: number) => Buffer
}

const algorithmsByMode: Readonly<Record<AuthenticationMode, readonly DigestAlgorithm[]>> = {
  digest: ['MD5', 'SHA-256'],
  both: ['MD5', 'SHA-256'],
  wsse: ['MD5', 'SHA-256'],
  'digest-md5': ['MD5'],
  'digest-sha256': ['SHA-256'],
}

/** Decides who may do what: access classes, Digest, UsernameToken and the lock against guessing. */
export function createGatekeeper(options: GatekeeperOptions): Gatekeeper {
  const { mode, nowMs } = options
  const userNamed = (name: string) => options.users().find((user) => user.username === name)
  const passwordOf = (name: string) => userNamed(name)?.password
  const lockout = createLockout({ policy: options.lockout, nowMs })
  const nonces = createNonceBook({ nowMs, lifeMs: options.nonceLifeMs, randomBytes: options.randomBytes })
  const digest = createDigestServer({
    realm: options.realm,
    nonces,
    algorithms: () => algorithmsByMode[mode()],
    shape: options.challengeShape,
    passwordOf,
  })
  const tokens = createTokenVerifier({
    deviceNowMs: options.deviceNowMs,
    createdWindowMs: options.createdWindowMs,
    passwordOf,
  })

  function authorize(request: AccessRequest): Verdict {
    // PRE_AUTH is answered whatever proof comes along, right, wrong or none.
    if (isAllowed('Anonymous', request.access)) return { kind: 'granted', user: null, by: 'none' }
    const takesDigest = !request.isSoap || mode() !== 'wsse'
    const takesToken = request.isSoap && (mode() === 'wsse' || mode() === 'both')
    const authorization = takesDigest ? request.authorization : undefined
    const security = takesToken ? request.security : undefined
    if (authorization === undefined && security === undefined) return deny(takesDigest, 'Credentials are needed.')
    if (lockout.isLocked()) {
      lockout.refused()
      return deny(takesDigest, 'Too many refused logins: locked for a while.', { isRefusedLogin: true })
    }
    // ONVIF Core: where both are present, the HTTP ones are validated first and then the others as well.
    const byDigest = authorization === undefined ? null : judgeDigest(request, authorization)
    if (byDigest !== null && byDigest.kind !== 'granted') return byDigest
    const byToken = security === undefined ? null : judgeToken(security)
    const granted = byToken !== null && byToken.kind !== 'granted' ? byToken : (byDigest ?? byToken)
    return granted === null ? deny(takesDigest, 'Credentials are needed.') : judgeLevel(granted, request)
  }

  function judgeDigest(request: AccessRequest, header: string): Verdict {
    const verdict = digest.verify({ header, method: request.method, target: request.target })
    switch (verdict.kind) {
      case 'accepted':
        return grant(verdict.username, 'digest')
      case 'malformed':
        return { kind: 'malformed', detail: verdict.detail }
      case 'challenge':
        return deny(true, verdict.detail, { stale: verdict.stale })
      case 'refused':
        lockout.refused()
        return deny(true, verdict.detail, { isRefusedLogin: true, user: verdict.username })
    }
  }

  function judgeToken(security: XmlElement): Verdict {
    const verdict = tokens.verify(security)
    if (verdict.kind === 'accepted') return grant(verdict.username, 'username-token')
    lockout.refused()
    return deny(false, verdict.detail, { isRefusedLogin: true, user: verdict.username })
  }

  function grant(username: string, by: Proof): Verdict {
    lockout.accepted()
    return { kind: 'granted', user: userNamed(username) ?? null, by }
  }

  function judgeLevel(verdict: Verdict, request: AccessRequest): Verdict {
    if (verdict.kind !== 'granted' || verdict.user === null) return verdict
    const { username, level } = verdict.user
    if (isAllowed(level, request.access)) return verdict
    return deny(!request.isSoap, `${username} (${level}) may not do this.`, { user: username })
  }

  interface Denial {
    stale?: boolean
    isRefusedLogin?: boolean
    user?: string | null
  }

  function deny(byHttp: boolean, detail: string, denial: Denial = {}): Verdict {
    const { stale = false, isRefusedLogin = false, user = null } = denial
    if (!byHttp) return { kind: 'not-authorized', detail, isRefusedLogin, user }
    return { kind: 'challenge', headers: digest.challenges(stale), detail, isRefusedLogin, user }
  }

  return {
    authorize,
    refusedLogins: lockout.refusedLogins,
    isLockedOut: lockout.isLocked,
    restart() {
      nonces.forget()
      tokens.forget()
      lockout.reset()
    },
  }
}
