import type { CameraClock } from './camera-clock.ts'
import { type Credentials, createDigestSession, type DigestChallenge, type DigestSession } from './http-digest.ts'
import { CLOCK_DIFFERENCE_MS, decideLogin, type LoginAttempt, MAX_REFUSED_LOGINS } from './login-decision.ts'
import { OnvifError } from './onvif-error.ts'
import type { SoapOutcome } from './soap-outcome.ts'
import { buildSecurityHeader } from './ws-username-token.ts'

/** What a request carries to prove who asks. */
export type LoginProof = {
  authorization?: (method: string, target: string) => string
  securityHeader?: string
}

/** Sends the call once with that proof. */
type Send = (proof: LoginProof) => Promise<SoapOutcome>

export type CameraLogin = {
  /**
   * Runs one SOAP call through the login: the way that worked before, else bare, Digest on a challenge, UsernameToken on a refusal
   * without one. Throws `credentials-refused`; once thrown for good, later calls throw it without asking the camera.
   */
  run(send: Send, call: LoginCall): Promise<SoapOutcome>
  /** The Digest session for a plain HTTP request: of this challenge, or the one in use. Undefined when there is none to be had. */
  digestFor(challenge: DigestChallenge | undefined): DigestSession | undefined
  /** Records that a plain HTTP request with a Digest login was accepted. */
  accepted(): void
  /** Records that one was refused, and gives the error for it. A refusal of an old nonce may be tried again by the caller, once. */
  refused(nonce: 'fresh' | 'aged'): OnvifError
  /** Throws when the camera has refused these credentials for good. */
  ensureAllowed(): void
  readonly refusedLogins: number
}

type LoginCall = {
  /** `open` operations are asked without a login first (ONVIF's PRE_AUTH class). */
  access: 'open' | 'login'
  /** Asks the camera for its time without a login; null when it does not tell. */
  measureClock: () => Promise<number | null>
}

export type CameraLoginOptions = {
  credentials: Credentials | undefined
  clock: CameraClock
  random: (bytes: number) => Uint8Array
}

/** Keeps the login of one camera: the method that works, the nonce in use, and the count of refusals that protects the account. */
export function createCameraLogin({ credentials, clock, random }: CameraLoginOptions): CameraLogin {
  let method: LoginAttempt['login'] = 'none'
  let digest: DigestSession | undefined
  let isProven = false
  let refusedLogins = 0
  let refusedInARow = 0
  let lockedOut: OnvifError | undefined
  // The last token that was accepted was made with the time of the Date header.
  let believesHeader = false

  function digestFor(challenge: DigestChallenge | undefined): DigestSession | undefined {
    if (credentials === undefined) return undefined
    if (challenge === undefined) return digest
    // The same nonce again must go on counting: a count that starts anew looks like a replay.
    if (digest?.challenge.nonce !== challenge.nonce || digest.challenge.realm !== challenge.realm) {
      digest = createDigestSession(challenge, credentials, random)
    }
    return digest
  }

  function settle(isAccepted: boolean): void {
    if (isAccepted) {
      isProven = true
      refusedInARow = 0
    } else {
      refusedLogins += 1
      refusedInARow += 1
    }
  }

  function giveUp(why: 'no-credentials' | 'refused' | 'not-permitted'): OnvifError {
    const isFinal = why === 'refused' || refusedInARow >= MAX_REFUSED_LOGINS
    if (why === 'not-permitted' && !isFinal) return new OnvifError('rejected', SENTENCES[why], { retryable: false })
    const error = new OnvifError('credentials-refused', SENTENCES[isFinal ? 'refused' : why], { retryable: false })
    if (isFinal) lockedOut = error
    return error
  }

  function ensureAllowed(): void {
    if (lockedOut === undefined) return
    throw new OnvifError('credentials-refused', lockedOut.message, { cause: lockedOut, retryable: false })
  }

  function proofOf(login: LoginAttempt['login'], clockOffsetMs: number): LoginProof {
    if (login === 'digest' && digest !== undefined) return { authorization: digest.authorize }
    if (login !== 'username-token' || credentials === undefined) return {}
    const cameraTime = new Date(clock.nowMs() + clockOffsetMs)
    return { securityHeader: buildSecurityHeader({ credentials, cameraTime, random }) }
  }

  /** Sends once and learns from the outcome. */
  async function attempt(send: Send, planned: LoginAttempt): Promise<SoapOutcome> {
    const { login, clockOffsetMs } = planned
    if (login !== 'none') ensureAllowed()
    const outcome = await send(proofOf(login, clockOffsetMs))
    if (login === 'none') return outcome
    if (outcome.kind === 'login-wanted') settle(false)
    if (outcome.kind === 'answer') {
      settle(true)
      method = login
      if (login === 'username-token') believesHeader = clockOffsetMs !== clock.measuredMs
    }
    return outcome
  }

  async function run(send: Send, call: LoginCall): Promise<SoapOutcome> {
    const attempts: LoginAttempt[] = []
    let remeasuredOffsetMs: number | null | undefined
    let clockOffsetMs = knownOffsetMs() ?? 0
    const next = (login: LoginAttempt['login'], isFreshNonce = false) => {
      const planned = { login, isFreshNonce, clockOffsetMs }
      attempts.push(planned)
      return attempt(send, planned)
    }

    if (call.access === 'login') ensureAllowed()
    let outcome = await next(call.access === 'open' ? 'none' : method)
    while (outcome.kind === 'login-wanted') {
      const refusal = { isBeyondHttp: outcome.status !== 401, challenge: outcome.challenge }
      const hasCredentials = credentials !== undefined
      const decision = decideLogin(attempts, refusal, { hasCredentials, isProven, remeasuredOffsetMs, refusedInARow })
      switch (decision.kind) {
        case 'give-up':
          throw giveUp(decision.why)
        case 'remeasure-clock':
          remeasuredOffsetMs = differentOffset(await call.measureClock(), clockOffsetMs)
          break
        case 'digest':
          digestFor(decision.challenge)
          outcome = await next('digest', true)
          break
        case 'username-token':
          if (clock.measuredMs === null) await call.measureClock()
          clockOffsetMs = remeasuredOffsetMs ?? knownOffsetMs() ?? 0
          outcome = await next('username-token')
          break
      }
    }
    return outcome
  }

  function knownOffsetMs(): number | null {
    return believesHeader ? (clock.headerMs ?? clock.measuredMs) : (clock.measuredMs ?? clock.headerMs)
  }

  // A camera whose GetSystemDateAndTime labels local time as UTC may still tell the truth in its Date header.
  function differentOffset(measured: number | null, usedMs: number): number | null {
    const candidates = [measured, clock.headerMs]
    return candidates.find((offset) => offset !== null && Math.abs(offset - usedMs) > CLOCK_DIFFERENCE_MS) ?? null
  }

  return {
    run,
    digestFor,
    accepted: () => settle(true),
    refused(nonce) {
      settle(false)
      if (nonce === 'fresh' || refusedInARow >= MAX_REFUSED_LOGINS) return giveUp('refused')
      return new OnvifError(
        'rejected',
        'The camera let the login age before it was used; the next attempt has a new one.',
        {
          httpStatus: 401,
          retryable: true,
        },
      )
    },
    ensureAllowed,
    get refusedLogins() {
      return refusedLogins
    },
  }
}

const SENTENCES = {
  'no-credentials': 'The camera asks for a login and none was given.',
  refused:
    'The camera refused the user name or password. It is not asked again, since further attempts could lock the account: correct the login first.',
  'not-permitted': 'The camera knows this user but does not allow the operation: an administrator account is needed.',
} as const
