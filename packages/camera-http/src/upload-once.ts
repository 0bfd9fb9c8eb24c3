import { CameraHttpError } from './camera-http-error.ts'
import { parseChallenges } from './http-challenge.ts'
import { chooseDigest } from './http-digest.ts'
import type { HttpReply, HttpTimeouts, HttpTransport, StreamBody } from './http-transport.ts'
import { type LoginRecord, MAX_REFUSED_LOGINS } from './login-record.ts'

/** A large body on its way to a camera. */
export type Upload = {
  target: string
  headers: Record<string, string>
  body: StreamBody
  /** The login, got by a small request before; undefined when the camera wants none. */
  authorization: string | undefined
  /** The camera handed out this login's nonce, or took the same login, a moment ago: a refusal is not about its age. */
  isFreshLogin: boolean
  /** The protocol has cameras answer 401 to a user without the right to install, too. */
  deniesBy401?: boolean
  timeouts?: Partial<HttpTimeouts>
  signal?: AbortSignal | undefined
}

/** The answer to a large body, and whether the camera had all of it by then: some refuse before, with any status. */
export type UploadReply = HttpReply & { hadWhole: boolean }

/**
 * Posts a large body, once: a 401 to it is a refusal and is not tried again, since the body would cross the network a second time.
 * Throws `credentials-refused`, and `rejected` (retryable) for a login that had aged; every other status is the caller's.
 */
export async function uploadOnce(
  upload: Upload,
  { transport, login }: { transport: HttpTransport; login: LoginRecord },
): Promise<UploadReply> {
  const { body, authorization } = upload
  let sentBytes = 0
  const reply = await transport({
    method: 'POST',
    target: upload.target,
    headers: { ...upload.headers, ...(authorization === undefined ? {} : { Authorization: authorization }) },
    body: {
      ...body,
      onProgress(sent) {
        sentBytes = sent
        body.onProgress?.(sent)
      },
    },
    isIdempotent: false,
    timeouts: upload.timeouts ?? {},
    signal: upload.signal,
  })
  if (reply.status === 401) throw loginRefused(reply, upload, login)
  if (authorization !== undefined && reply.status < 300) login.accepted()
  return { ...reply, hadWhole: sentBytes === body.size }
}

function loginRefused(
  { rawHeaders }: HttpReply,
  { authorization, isFreshLogin, deniesBy401 = false }: Upload,
  login: LoginRecord,
): CameraHttpError {
  const challenge = chooseDigest(parseChallenges(rawHeaders))
  // Kept for the next attempt: it is the newest nonce there is.
  if (challenge !== undefined) login.digestFor(challenge)
  if (authorization === undefined) {
    const message = 'The camera asked for the login only after it had the package; try again.'
    return new CameraHttpError('rejected', message, { httpStatus: 401, retryable: challenge !== undefined })
  }
  login.refused()
  const isAged = !isFreshLogin || challenge?.isStale === true
  if (!isAged && deniesBy401 && login.isProven) return login.giveUp('not-permitted')
  if (!isAged || login.refusedInARow >= MAX_REFUSED_LOGINS) return login.giveUp('refused')
  return new CameraHttpError(
    'rejected',
    'The camera let the login age before it was used; the next attempt has a new one.',
    { httpStatus: 401, retryable: true },
  )
}
