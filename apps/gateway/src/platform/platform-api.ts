import { type ClaimItem, ClaimResult, Enrollment, Sha256 } from '@ocelli/contract'
import { type Static, Type } from 'typebox'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { createAccessTokens } from './access-token.ts'
import type { GatewayIdentity } from './gateway-identity.ts'
import { createHttpClient, type HttpClient, type HttpResponse } from './http-client.ts'
import { callJson, expectBody, type JsonAnswer } from './json-call.ts'
import type { Environment } from './proxy.ts'

/** Where a package lies right now: a short-lived URL, and what must come out of it. */
const PackageSource = Type.Object({ url: Type.String(), size: Type.Integer({ minimum: 0 }), sha256: Sha256 })
type PackageSource = Static<typeof PackageSource>

const ClaimAnswer = Type.Object({ results: Type.Array(ClaimResult) })

/** What a renewal brings; addresses only where they changed. */
const Renewal = Type.Object({
  certificate: Enrollment.properties.certificate,
  caCertificate: Enrollment.properties.caCertificate,
  mqttUrl: Type.Optional(Enrollment.properties.mqttUrl),
  mqttWebSocketUrl: Type.Optional(Enrollment.properties.mqttWebSocketUrl),
})
type Renewal = Static<typeof Renewal>

/**
 * The platform's HTTPS side, as this gateway. Errors are GatewayError: `platform-unreachable` (retryable),
 * `platform-refused`, `ca-mismatch`, `bad-reply`, `timeout`; or the signal's reason.
 */
export interface PlatformApi {
  accessToken(signal: AbortSignal): Promise<string>
  claim(devices: ClaimItem[], signal: AbortSignal): Promise<ClaimResult[]>
  packageSource(packageId: string, signal: AbortSignal): Promise<PackageSource>
  /** Opens the package at `from` bytes. Every status is an answer; the stream must be read or destroyed. */
  openPackage(source: PackageSource, options: { from: number; signal: AbortSignal }): Promise<HttpResponse>
  renewCertificate(csr: string, signal: AbortSignal): Promise<Renewal>
  /** What to add to our clock to have the platform's. */
  clockOffsetMs(): number
}

export interface PlatformApiOptions {
  /** Read anew at each call, because a renewal replaces it. */
  identity: () => GatewayIdentity
  clock: Clock
  env: Environment
  idleTimeoutMs?: number
}

export function createPlatformApi({ identity, clock, env, idleTimeoutMs = 30_000 }: PlatformApiOptions): PlatformApi {
  const http: HttpClient = (request) =>
    createHttpClient({ caCertificate: identity().caCertificate, env, idleTimeoutMs })(request)
  const tokens = createAccessTokens({ identity, http, clock })

  /** A token may be refused before its time (the platform's keys changed): one more, then it is an answer. */
  async function call(method: 'GET' | 'POST', path: string, options: CallOptions): Promise<JsonAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const token = await tokens.get(options.signal)
      const answer = await callJson(http, {
        method,
        url: new URL(path, identity().platformUrl),
        headers: { authorization: `Bearer ${token}`, ...(options.body ? { 'content-type': 'application/json' } : {}) },
        ...(options.body ? { body: JSON.stringify(options.body) } : {}),
        signal: options.signal,
      })
      if (answer.status !== 401 || attempt === 2) return answer
      tokens.forget(token)
    }
  }

  return {
    accessToken: (signal) => tokens.get(signal),
    clockOffsetMs: () => tokens.clockOffsetMs,
    async claim(devices, signal) {
      const answer = await call('POST', '/device/v1/claims', { body: { devices }, signal })
      return expectBody(answer, ClaimAnswer, 'claim the camera').results
    },
    async packageSource(packageId, signal) {
      const path = `/device/v1/gateways/self/packages/${encodeURIComponent(packageId)}`
      return expectBody(await call('GET', path, { signal }), PackageSource, 'give out the package')
    },
    openPackage({ url }, { from, signal }) {
      const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {}
      return http({ method: 'GET', url: resolveUrl(url, identity().platformUrl), headers, signal })
    },
    async renewCertificate(csr, signal) {
      const answer = await call('POST', '/device/v1/gateways/self/certificate', { body: { csr }, signal })
      return expectBody(answer, Renewal, 'renew the certificate')
    },
  }
}

interface CallOptions {
  body?: object
  signal: AbortSignal
}

/** A presigned URL may point to another server; a path is the platform's own. */
function resolveUrl(url: string, platformUrl: string): URL {
  const resolved = URL.canParse(url, platformUrl) ? new URL(url, platformUrl) : null
  if (resolved?.protocol === 'https:' || resolved?.protocol === 'http:') return resolved
  throw new GatewayError('bad-reply', 'The platform gave no usable address for the package.')
}
