import {
  chooseDigest,
  type HttpReply,
  type HttpTimeouts,
  type HttpTransport,
  type LoginRecord,
  parseChallenges,
} from '@ocelli/camera-http'
import { OnvifError } from './onvif-error.ts'
import { statusError } from './soap-outcome.ts'

/** A small file at a camera: what GET hands out, or, with `content`, what POST gives it. */
export type ConfigurationFile = {
  target: string
  content?: Uint8Array
  timeouts?: Partial<HttpTimeouts>
  signal?: AbortSignal | undefined
}

const VERSION_MISMATCH = 521

/**
 * Exchanges an app's configuration (ONVIF Application Management, backup and restore). The Digest nonce is fetched by a GET
 * without a login, since an empty POST to a camera that asks for none would be an empty configuration. A 401 to a login that this camera has
 * taken before is about the operation, not about the password.
 */
export async function exchangeConfiguration(
  file: ConfigurationFile,
  { transport, login }: { transport: HttpTransport; login: LoginRecord },
): Promise<Buffer> {
  login.ensureAllowed()
  const { target, content, timeouts = {}, signal } = file
  const get = {
    method: 'GET',
    target,
    headers: {},
    body: Buffer.alloc(0),
    isIdempotent: true,
    timeouts,
    signal,
  } as const
  const headers = { 'Content-Type': 'application/octet-stream' }
  const request =
    content === undefined
      ? get
      : ({ ...get, method: 'POST', headers, body: Buffer.from(content), isIdempotent: false } as const)
  const asked = await transport(get)
  if (asked.status !== 401) return read(content === undefined ? asked : await transport(request))
  const challenge = chooseDigest(parseChallenges(asked.rawHeaders))
  const session = challenge && login.digestFor(challenge)
  if (!session) {
    const message = 'The camera wants a login for configurations in a way that is not HTTP Digest, or none was given.'
    throw new OnvifError('unsupported', message)
  }
  const prove = () => ({ headers: { Authorization: session.authorize(request.method, target) } })
  const reply = await transport({ ...request, prove })
  if (reply.status === 401) {
    login.refused()
    throw login.giveUp(login.isProven ? 'not-permitted' : 'refused')
  }
  login.accepted()
  return read(reply)
}

function read(reply: HttpReply): Buffer {
  if (reply.status === VERSION_MISMATCH) {
    const message = `The app does not take this configuration, which another version wrote (HTTP ${VERSION_MISMATCH}).`
    throw new OnvifError('rejected', message, { httpStatus: reply.status })
  }
  if (reply.status >= 300) throw statusError(reply)
  return reply.body
}
