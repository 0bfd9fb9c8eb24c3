import type { Readable } from 'node:stream'
import {
  chooseDigest,
  type DigestChallenge,
  type HttpReply,
  type HttpTimeouts,
  type HttpTransport,
  type LoginRecord,
  parseChallenges,
  uploadOnce,
} from '@ocelli/camera-http'
import { OnvifError } from './onvif-error.ts'
import { statusError } from './soap-outcome.ts'

/** A package on its way to a camera. `open` is called once; its stream must hold exactly `size` bytes. */
export type PackageUpload = {
  target: string
  contentType: string
  open: () => Readable
  size: number
  onProgress?: ((sentBytes: number) => void) | undefined
  timeouts: Partial<HttpTimeouts>
  signal?: AbortSignal | undefined
}

/**
 * Posts a package as the raw body (ONVIF Application Management, HTTP POST upload). The Digest nonce is fetched by a request without
 * a body first, so that the package crosses the network once; a 401 to the package itself is final for it: with a login that this
 * camera took before it is about the user's rights, else about the login.
 */
export async function uploadPackage(
  upload: PackageUpload,
  { transport, login }: { transport: HttpTransport; login: LoginRecord },
): Promise<void> {
  login.ensureAllowed()
  const { target, signal } = upload
  const headers = { 'Content-Type': upload.contentType }
  const asked = await transport({ method: 'POST', target, headers, body: Buffer.alloc(0), isIdempotent: true, signal })
  const isAsked = asked.status === 401
  const session = login.digestFor(isAsked ? requireDigest(asked) : undefined)
  if (isAsked && session === undefined) {
    throw new OnvifError('credentials-refused', 'The camera asks for a login for packages and none was given.')
  }
  const reply = await uploadOnce(
    {
      ...{ target, headers, signal, timeouts: upload.timeouts },
      body: { open: upload.open, size: upload.size, onProgress: upload.onProgress },
      authorization: session?.authorize('POST', target),
      isFreshLogin: isAsked,
      // ONVIF Application Management, HTTP POST upload: 401 for no or insufficient credentials
      deniesBy401: true,
    },
    { transport, login },
  )
  if (reply.status >= 300) throw uploadError(reply)
  if (!reply.hadWhole) {
    throw new OnvifError('bad-reply', 'The camera reported success before it had the whole package.')
  }
}

function requireDigest(reply: HttpReply): DigestChallenge {
  const challenge = chooseDigest(parseChallenges(reply.rawHeaders))
  if (challenge !== undefined) return challenge
  throw new OnvifError('unsupported', 'The camera wants a login for packages in a way that is not HTTP Digest.', {
    httpStatus: reply.status,
  })
}

function uploadError(reply: HttpReply): OnvifError {
  const { status } = reply
  const sentence = SENTENCES[status]
  if (sentence === undefined) return statusError(reply)
  const code = status === 408 ? 'timeout' : 'rejected'
  return new OnvifError(code, `${sentence} (HTTP ${status}).`, { httpStatus: status, retryable: status === 408 })
}

const SENTENCES: Record<number, string> = {
  400: 'The camera does not accept this package',
  403: 'The camera does not allow this user to install packages',
  408: 'The package reached the camera too slowly',
  411: 'The camera wants to know the length of the package',
  413: 'The package is too large for the camera',
  415: 'The camera does not take packages of this format',
  507: 'The camera has no room left for the package',
}
