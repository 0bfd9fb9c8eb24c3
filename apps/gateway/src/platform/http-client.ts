import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { getCACertificates } from 'node:tls'
import { describeError, errorCode } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { type Environment, proxyAgentFor } from './proxy.ts'

export interface HttpRequest {
  method: 'GET' | 'POST'
  url: URL
  headers?: Record<string, string>
  body?: string
  signal: AbortSignal
}

/** `body` is an open stream: read it to its end or destroy it. */
export interface HttpResponse {
  status: number
  headers: IncomingHttpHeaders
  body: IncomingMessage
}

/** Throws `platform-unreachable`, `ca-mismatch`, `timeout`, or the signal's reason. Every status is a response. */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>

export interface HttpClientOptions {
  /** The platform's own CA, PEM; trusted beside Node's roots, because the platform may show a public certificate. */
  caCertificate: string | null
  env: Environment
  /** No byte for so long ends the request. */
  idleTimeoutMs: number
}

export function createHttpClient({ caCertificate, env, idleTimeoutMs }: HttpClientOptions): HttpClient {
  const ca = caCertificate === null ? undefined : [...getCACertificates('default'), caCertificate]
  return ({ method, url, headers = {}, body, signal }) => {
    const options: RequestOptions & { ca?: string[] } = {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      agent: proxyAgentFor(url, env) ?? false,
      ca,
    }
    return send(url, options, { body, signal, idleTimeoutMs })
  }
}

function send(
  url: URL,
  options: RequestOptions,
  { body, signal, idleTimeoutMs }: { body: string | undefined; signal: AbortSignal; idleTimeoutMs: number },
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const outgoing = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options)
    const cancel = () => outgoing.destroy(asError(signal.reason))
    signal.addEventListener('abort', cancel, { once: true })
    const stalled = () => {
      const seconds = Math.round(idleTimeoutMs / 1000)
      outgoing.destroy(new GatewayError('timeout', `${url.origin} sent nothing for ${seconds} seconds.`))
    }
    // `timeout` of Node's request starts with the socket; name look-up and proxy come before it.
    const beforeResponse = setTimeout(stalled, idleTimeoutMs)
    outgoing.setTimeout(idleTimeoutMs, stalled)
    outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : translate(error, url)))
    outgoing.on('close', () => {
      clearTimeout(beforeResponse)
      signal.removeEventListener('abort', cancel)
    })
    outgoing.on('response', (incoming) => {
      clearTimeout(beforeResponse)
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming })
    })
    outgoing.end(body)
  })
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
])

export const isUntrustedCertificate = (error: unknown): boolean =>
  error instanceof GatewayError && untrusted.has(errorCode(error.cause))

/** What Node says of a broken connection, as a sentence that names the server. */
export function translate(error: unknown, url: URL): Error {
  if (error instanceof GatewayError) return error
  const code = errorCode(error)
  if (untrusted.has(code)) {
    const detail = `The certificate of ${url.origin} is signed by neither the platform's CA nor a public one.`
    return new GatewayError('ca-mismatch', detail, { cause: error })
  }
  if (code.startsWith('CERT_') || code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const isAboutTime = code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED'
    const hint = isAboutTime ? ' Is the clock of this machine right?' : ''
    const detail = `The certificate of ${url.origin} is not valid: ${describeError(error)}.${hint}`
    return new GatewayError('ca-mismatch', detail, { cause: error })
  }
  return new GatewayError('platform-unreachable', `Cannot reach ${url.origin}: ${describeError(error)}.`, {
    cause: error,
  })
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)))
