import { type ChallengeShape, createDigestServer } from '../auth/digest.ts'
import { createNonceBook } from '../auth/digest-nonce.ts'
import { createLockout, type LockoutPolicy } from '../auth/lockout.ts'
import type { AuthenticationPolicy, AxisGroup, AxisUser } from './axis-options.ts'

export type AxisVerdict =
  | { kind: 'granted'; user: AxisUser; by: 'basic' | 'digest' }
  /** HTTP 401 with these WWW-Authenticate values. */
  | { kind: 'denied'; challenges: string[] }

export interface AxisAccessRequest {
  /** The least group that may do it. */
  needs: AxisGroup
  method: string
  target: string
  authorization: string | undefined
}

/** Who may use the CGIs: Digest, Basic, groups, and the lock against guessing. */
export interface AxisGate {
  authorize(request: AxisAccessRequest): AxisVerdict
  refusedLogins(): number
  isLockedOut(): boolean
  restart(): void
}

export interface AxisGateOptions {
  users: () => readonly AxisUser[]
  realm: () => string
  policy: () => AuthenticationPolicy
  isSecure: boolean
  /** What `Recommended` means over HTTPS. */
  basicOnlyOverHttps: boolean
  shape: () => ChallengeShape
  lockout: LockoutPolicy | null
  nowMs: () => number
  randomBytes: (size: number) => Buffer
}

const nonceLifeMs = 5 * 60_000
const ranks: readonly AxisGroup[] = ['viewer', 'operator', 'administrator']

export function createAxisGate(options: AxisGateOptions): AxisGate {
  const { users, realm, nowMs } = options
  const userNamed = (name: string) => users().find((one) => one.user === name)
  const lockout = createLockout({ policy: options.lockout, nowMs })
  const nonces = createNonceBook({ nowMs, lifeMs: nonceLifeMs, randomBytes: options.randomBytes })
  const digest = createDigestServer({
    realm,
    nonces,
    algorithms: () => ['MD5'],
    shape: options.shape,
    passwordOf: (name) => userNamed(name)?.password,
  })

  function schemes(): readonly ('digest' | 'basic')[] {
    switch (options.policy()) {
      case 'Basic':
        return ['basic']
      case 'Digest':
        return ['digest']
      case 'Basic_Digest':
        return ['digest', 'basic']
      case 'Recommended':
        if (!options.isSecure) return ['digest']
        return options.basicOnlyOverHttps ? ['basic'] : ['basic', 'digest']
    }
  }

  const challenge = (stale = false): AxisVerdict => ({
    kind: 'denied',
    challenges: schemes().flatMap((scheme) =>
      scheme === 'basic' ? [`Basic realm="${realm()}"`] : digest.challenges(stale),
    ),
  })

  function refuse(): AxisVerdict {
    lockout.refused()
    return challenge()
  }

  function authorize(request: AxisAccessRequest): AxisVerdict {
    const { authorization } = request
    if (authorization === undefined) return challenge()
    const isBasic = /^basic /i.test(authorization)
    if (!schemes().includes(isBasic ? 'basic' : 'digest')) return challenge()
    if (lockout.isLocked()) return refuse()
    return isBasic ? judgeBasic(authorization, request) : judgeDigest(authorization, request)
  }

  function judgeBasic(header: string, request: AxisAccessRequest): AxisVerdict {
    const text = Buffer.from(header.slice('basic '.length), 'base64').toString('utf8')
    const colon = text.indexOf(':')
    const user = userNamed(text.slice(0, Math.max(colon, 0)))
    if (colon < 0 || user === undefined || user.password !== text.slice(colon + 1)) return refuse()
    return judgeGroup(user, request, 'basic')
  }

  function judgeDigest(header: string, request: AxisAccessRequest): AxisVerdict {
    const verdict = digest.verify({ header, method: request.method, target: request.target })
    if (verdict.kind === 'refused') return refuse()
    if (verdict.kind !== 'accepted') return challenge(verdict.kind === 'challenge' && verdict.stale)
    const user = userNamed(verdict.username)
    return user === undefined ? refuse() : judgeGroup(user, request, 'digest')
  }

  function judgeGroup(user: AxisUser, { needs }: AxisAccessRequest, by: 'basic' | 'digest'): AxisVerdict {
    lockout.accepted()
    return ranks.indexOf(user.group) >= ranks.indexOf(needs) ? { kind: 'granted', user, by } : challenge()
  }

  return {
    authorize,
    refusedLogins: lockout.refusedLogins,
    isLockedOut: lockout.isLocked,
    restart() {
      nonces.forget()
      lockout.reset()
    },
  }
}
