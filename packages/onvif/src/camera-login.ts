import { type Credentials, createLoginRecord, type LoginRecord } from '@ocelli/camera-http'
import type { CameraClock } from './camera-clock.ts'
import { CLOCK_DIFFERENCE_MS, decideLogin, type LoginAttempt } from './login-decision.ts'
import type { SoapOutcome } from './soap-outcome.ts'
import { buildSecurityHeader } from './ws-username-token.ts'

/** What a request carries to prove who asks, made anew for each sending. */
export type LoginProof = {
  authorization?: (method: string, target: string) => string
  securityHeader?: () => string
}

/** Sends the call once with that proof. */
type Send = (proof: LoginProof) => Promise<SoapOutcome>

export type CameraLogin = {
  /**
   * Runs one SOAP call through the login: the way that worked before, else bare, Digest on a challenge, UsernameToken on a refusal
   * without one. Throws `credentials-refused`; once thrown for good, later calls throw it without asking the camera.
   */
  run(send: Send, call: LoginCall): Promise<SoapOutcome>
  /** What plain HTTP requests to the same camera share with it. */
  readonly record: LoginRecord
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

/** Keeps the login of one camera: the method that works, beside the record of nonces and refusals. */
export function createCameraLogin({ credentials, clock, random }: CameraLoginOptions): CameraLogin {
  const record = createLoginRecord({ credentials, random })
  let method: LoginAttempt['login'] = 'none'
  // The last token that was accepted was made with the time of the Date header.
  let believesHeader = false

  function proofOf(login: LoginAttempt['login'], clockOffsetMs: number): LoginProof {
    if (login === 'digest' && record.digest !== undefined) return { authorization: record.digest.authorize }
    if (login !== 'username-token' || credentials === undefined) return {}
    const cameraTime = () => new Date(clock.nowMs() + clockOffsetMs)
    return { securityHeader: () => buildSecurityHeader({ credentials, cameraTime: cameraTime(), random }) }
  }

  /** Sends once and learns from the outcome. */
  async function attempt(send: Send, planned: LoginAttempt): Promise<SoapOutcome> {
    const { login, clockOffsetMs } = planned
    if (login !== 'none') record.ensureAllowed()
    const outcome = await send(proofOf(login, clockOffsetMs))
    if (login === 'none') return outcome
    if (outcome.kind === 'login-wanted') noteRefusal(login, outcome.status)
    if (outcome.kind === 'answer') {
      record.accepted()
      method = login
      if (login === 'username-token') believesHeader = clockOffsetMs !== clock.measuredMs
    }
    return outcome
  }

  /**
   * A camera that refuses a Digest login says so by HTTP. Its SOAP fault to a login that was good before is about the operation, or
   * it has gone over to UsernameToken: no guess at the password either way, and the next call finds out which by asking bare.
   */
  function noteRefusal(login: LoginAttempt['login'], status: number): void {
    if (login === 'digest' && record.isProven && status !== 401) method = 'none'
    else record.refused()
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

    if (call.access === 'login') record.ensureAllowed()
    let outcome = await next(call.access === 'open' ? 'none' : method)
    while (outcome.kind === 'login-wanted') {
      const refusal = { isBeyondHttp: outcome.status !== 401, challenge: outcome.challenge }
      const { hasCredentials, isProven, refusedInARow } = record
      const decision = decideLogin(attempts, refusal, { hasCredentials, isProven, remeasuredOffsetMs, refusedInARow })
      switch (decision.kind) {
        case 'give-up':
          throw record.giveUp(decision.why)
        case 'remeasure-clock':
          remeasuredOffsetMs = differentOffset(await call.measureClock(), clockOffsetMs)
          break
        case 'digest':
          record.digestFor(decision.challenge)
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

  return { run, record }
}
