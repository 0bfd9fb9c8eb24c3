import { CameraHttpError } from './camera-http-error.ts'
import { type Credentials, createDigestSession, type DigestChallenge, type DigestSession } from './http-digest.ts'

/** Cameras lock an account after some refused logins, and other programs share it: this many in a row, never more. */
export const MAX_REFUSED_LOGINS = 2

/** Why a call ends without a login. */
export type LoginFailure = 'no-credentials' | 'refused' | 'not-permitted'

/** What is remembered of the logins at one camera, whatever protocol they are made in. */
export type LoginRecord = {
  readonly hasCredentials: boolean
  /** These credentials were accepted by this camera before. */
  readonly isProven: boolean
  /** Credentials that were sent and refused since the last time they were accepted. */
  readonly refusedInARow: number
  readonly refusedLogins: number
  /** The Digest session in use. */
  readonly digest: DigestSession | undefined
  /** The Digest session of this challenge, or the one in use. Undefined when there is none to be had. */
  digestFor(challenge: DigestChallenge | undefined): DigestSession | undefined
  /** Records that credentials were accepted. */
  accepted(): void
  /** Records that credentials were sent and refused. */
  refused(): void
  /** The error for a call that ends so. After a refusal for good `ensureAllowed` throws from then on. */
  giveUp(why: LoginFailure): CameraHttpError
  /** Throws when the camera has refused these credentials for good. */
  ensureAllowed(): void
}

export type LoginRecordOptions = { credentials: Credentials | undefined; random: (bytes: number) => Uint8Array }

/** Keeps the nonce in use and the count of refusals that protects the camera's account. */
export function createLoginRecord({ credentials, random }: LoginRecordOptions): LoginRecord {
  let digest: DigestSession | undefined
  let isProven = false
  let refusedLogins = 0
  let refusedInARow = 0
  let lockedOut: CameraHttpError | undefined

  return {
    hasCredentials: credentials !== undefined,
    get isProven() {
      return isProven
    },
    get refusedInARow() {
      return refusedInARow
    },
    get refusedLogins() {
      return refusedLogins
    },
    get digest() {
      return digest
    },
    digestFor(challenge) {
      if (credentials === undefined) return undefined
      if (challenge === undefined) return digest
      // The same nonce again must go on counting: a count that starts anew looks like a replay.
      if (digest?.challenge.nonce !== challenge.nonce || digest.challenge.realm !== challenge.realm) {
        digest = createDigestSession(challenge, credentials, random)
      }
      return digest
    },
    accepted() {
      isProven = true
      refusedInARow = 0
    },
    refused() {
      refusedLogins += 1
      refusedInARow += 1
    },
    giveUp(why) {
      const isFinal = why === 'refused' || refusedInARow >= MAX_REFUSED_LOGINS
      if (why === 'not-permitted' && !isFinal) {
        return new CameraHttpError('rejected', SENTENCES[why], { retryable: false })
      }
      const error = new CameraHttpError('credentials-refused', SENTENCES[isFinal ? 'refused' : why])
      if (isFinal) lockedOut = error
      return error
    },
    ensureAllowed() {
      if (lockedOut !== undefined) {
        throw new CameraHttpError('credentials-refused', lockedOut.message, { cause: lockedOut })
      }
    },
  }
}

const SENTENCES = {
  'no-credentials': 'The camera asks for a login and none was given.',
  refused:
    'The camera refused the user name or password. It is not asked again, since further attempts could lock the account: correct the login first.',
  'not-permitted': 'The camera knows this user but does not allow the operation: an administrator account is needed.',
} as const
