import { CameraHttpError } from './camera-http-error.ts'
import { type HttpChallenge, parseChallenges } from './http-challenge.ts'
import { type Credentials, chooseDigest, type DigestChallenge } from './http-digest.ts'
import type { HttpReply, HttpRequest, HttpTransport } from './http-transport.ts'
import { createLoginRecord, type LoginRecord, MAX_REFUSED_LOGINS } from './login-record.ts'
import { type Upload, type UploadReply, uploadOnce } from './upload-once.ts'

/** The login of a camera whose whole protocol is plain HTTP: Digest wherever it is offered, Basic on https only. */
export type HttpLogin = {
  /**
   * Sends a request that is small enough to be sent again with the login that the camera asks for. Gives every answer but a 401.
   * Throws `credentials-refused`, for good after a refusal, and `unsupported` where the camera takes no login that is safe to send.
   */
  send(request: HttpRequest): Promise<HttpReply>
  /**
   * Sends a large body once, with the login of a `send` that came right before; its answer to a refused login is final.
   * Throws what `uploadOnce` throws.
   */
  upload(upload: Omit<Upload, 'authorization' | 'isFreshLogin'>): Promise<UploadReply>
  readonly record: LoginRecord
}

export type HttpLoginOptions = {
  credentials: Credentials | undefined
  transport: HttpTransport
  isSecure: boolean
  random: (bytes: number) => Uint8Array
}

/** How one request proved who asks. */
type Method = 'none' | 'digest' | 'basic'
type Attempt = { method: Method; isFreshNonce: boolean }

/**
 * Makes the login for one camera and sends nothing yet. `isSecure`: the transport is https, and Basic may be used. `random`
 * makes the client's nonces of Digest. A refusal for good ends this login: make another for other credentials.
 */
export function createHttpLogin({ credentials, transport, isSecure, random }: HttpLoginOptions): HttpLogin {
  const record = createLoginRecord({ credentials, random })
  let proven: Method = 'none'

  function authorization(method: Method, { method: verb, target }: { method: string; target: string }) {
    if (method === 'digest') return record.digest?.authorize(verb, target)
    if (method !== 'basic' || credentials === undefined) return undefined
    return `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`, 'utf8').toString('base64')}`
  }

  async function attempt(request: HttpRequest, { method }: Attempt): Promise<HttpReply> {
    let isProved = false
    const prove = () => {
      const value = authorization(method, request)
      isProved = value !== undefined
      return value === undefined ? {} : { headers: { Authorization: value } }
    }
    const reply = await transport({ ...request, prove })
    if (!isProved) return reply
    if (reply.status === 401) record.refused()
    else {
      record.accepted()
      proven = method
    }
    return reply
  }

  return {
    record,
    async send(request) {
      record.ensureAllowed()
      let last: Attempt = { method: proven, isFreshNonce: false }
      for (;;) {
        const reply = await attempt(request, last)
        if (reply.status !== 401) return reply
        const offers = readOffers(parseChallenges(reply.rawHeaders))
        const next = nextAttempt(last, offers, { record, isSecure })
        if (next.kind === 'give-up') throw next.error
        if (next.kind === 'digest') record.digestFor(next.challenge)
        last = { method: next.kind, isFreshNonce: next.kind === 'digest' }
      }
    },
    upload(upload) {
      record.ensureAllowed()
      const value = authorization(proven, { method: 'POST', target: upload.target })
      return uploadOnce({ ...upload, authorization: value, isFreshLogin: true }, { transport, login: record })
    },
  }
}

/** What a 401 offers, in the order in which the camera prefers it. */
type Offers = { digest: DigestChallenge | undefined; basic: boolean; isBasicFirst: boolean }

function readOffers(challenges: readonly HttpChallenge[]): Offers {
  const schemes = challenges.map(({ scheme }) => scheme)
  const [digestAt, basicAt] = [schemes.indexOf('digest'), schemes.indexOf('basic')]
  const digest = chooseDigest(challenges)
  const basic = basicAt >= 0
  return { digest, basic, isBasicFirst: basic && (digest === undefined || basicAt < digestAt) }
}

type Next =
  | { kind: 'digest'; challenge: DigestChallenge }
  | { kind: 'basic' }
  | { kind: 'give-up'; error: CameraHttpError }

/**
 * What to do after a 401 to the last attempt. One definite refusal ends the call; a nonce that had aged, or another scheme than
 * the one that was used, earns one more attempt; two refusals in a row end everything.
 */
function nextAttempt(
  last: Attempt,
  { digest, basic, isBasicFirst }: Offers,
  { record, isSecure }: { record: LoginRecord; isSecure: boolean },
): Next {
  if (!record.hasCredentials) return { kind: 'give-up', error: record.giveUp('no-credentials') }
  if (record.refusedInARow >= MAX_REFUSED_LOGINS) return { kind: 'give-up', error: record.giveUp('refused') }
  const mayUseBasic = basic && isSecure
  const isDefinite =
    (last.method === 'digest' && digest !== undefined && last.isFreshNonce && !digest.isStale) ||
    (last.method === 'basic' && mayUseBasic)
  if (isDefinite) return { kind: 'give-up', error: record.giveUp('refused') }
  if (mayUseBasic && (isBasicFirst || digest === undefined)) return { kind: 'basic' }
  if (digest !== undefined) return { kind: 'digest', challenge: digest }
  return { kind: 'give-up', error: noSafeLogin(basic) }
}

function noSafeLogin(basic: boolean): CameraHttpError {
  const message = basic
    ? 'The camera wants the password unencrypted (Basic over http), which everybody on its network could read. ' +
      'Reach it on https, or let it ask for Digest.'
    : 'The camera asks for a login in a way that is neither HTTP Digest nor Basic.'
  return new CameraHttpError('unsupported', message, { httpStatus: 401 })
}
