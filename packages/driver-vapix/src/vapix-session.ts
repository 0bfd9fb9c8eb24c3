import {
  type CameraAddress,
  type CameraTls,
  type Credentials,
  createHttpLogin,
  createHttpTransport,
  createSerialQueue,
  type HttpReply,
  type HttpRequest,
  type HttpTimeouts,
  rawHeaderValues,
  type StreamBody,
  type UploadReply,
} from '@ocelli/camera-http'

/** One request to a CGI of the camera. */
export type CgiRequest = {
  method: 'GET' | 'POST'
  /** `/axis-cgi/applications/list.cgi` */
  path: string
  query?: Readonly<Record<string, string>>
  body?: { type: string; content: string | Buffer }
  /** `open`: what anybody may ask; the answer may be a 401. */
  access: 'open' | 'login'
  /** May be sent again when the connection breaks before an answer. */
  isIdempotent: boolean
  timeouts?: Partial<HttpTimeouts>
  signal: AbortSignal
}

export type UploadRequest = {
  path: string
  contentType: string
  body: StreamBody
  timeouts: Partial<HttpTimeouts>
  signal: AbortSignal
}

/** Everything that is remembered about talking with one camera; one exchange at a time. Throws CameraHttpError. */
export type VapixSession = {
  send(request: CgiRequest): Promise<HttpReply>
  /** Sends a large body once, with the login that `preflight`, a small request right before it, got through with. */
  upload(request: UploadRequest, preflight: CgiRequest): Promise<UploadReply>
  random(bytes: number): Uint8Array
  /** The camera's clock minus ours by the latest answer, in milliseconds, exact to a second; null where answers carry no date. */
  readonly clockOffsetMs: number | null
  /** The camera has accepted the login. */
  readonly isLoggedIn: boolean
  /** Logins with credentials that were refused since it was made. */
  readonly refusedLogins: number
}

export type VapixSessionOptions = {
  address: CameraAddress
  credentials: Credentials | undefined
  tls: CameraTls
  timeouts: HttpTimeouts
  now: () => number
  random: (bytes: number) => Uint8Array
}

export function createVapixSession(options: VapixSessionOptions): VapixSession {
  const { address, tls, timeouts, credentials, random, now } = options
  const queue = createSerialQueue()
  let clockOffsetMs: number | null = null
  const exchange = createHttpTransport({ address, tls, timeouts })
  const transport = async (request: HttpRequest) => hear(await exchange(request))
  const login = createHttpLogin({ credentials, transport, isSecure: address.isSecure, random })

  function hear(reply: HttpReply): HttpReply {
    const time = Date.parse(rawHeaderValues(reply.rawHeaders, 'date')[0] ?? '')
    clockOffsetMs = Number.isNaN(time) ? null : time - now()
    return reply
  }

  const send = (request: CgiRequest) =>
    request.access === 'open' ? transport(toHttp(request)) : login.send(toHttp(request))

  return {
    random,
    get clockOffsetMs() {
      return clockOffsetMs
    },
    get isLoggedIn() {
      return login.record.isProven
    },
    get refusedLogins() {
      return login.record.refusedLogins
    },
    // The whole call holds the queue, logins included: two calls side by side would both guess a wrong password.
    send: (request) => queue(() => send(request), request.signal),
    upload: ({ path, contentType, body, timeouts: limits, signal }, preflight) =>
      queue(async () => {
        await send(preflight)
        const headers = { 'Content-Type': contentType }
        return login.upload({ target: path, headers, body, timeouts: limits, signal })
      }, signal),
  }
}

function toHttp({ method, path, query, body, isIdempotent, timeouts, signal }: CgiRequest): HttpRequest {
  const search = new URLSearchParams(query).toString()
  return {
    ...{ method, isIdempotent, signal, timeouts: timeouts ?? {} },
    target: search === '' ? path : `${path}?${search}`,
    headers: body === undefined ? {} : { 'Content-Type': body.type },
    body: body === undefined ? Buffer.alloc(0) : Buffer.from(body.content),
  }
}
