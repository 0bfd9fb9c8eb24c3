import { createPublicKey, X509Certificate } from 'node:crypto'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { EnrollRequest } from '@ocelli/contract'
import { jwtVerify } from 'jose'
import { Value } from 'typebox/value'
import type { Pair, TestAuthority } from './test-authority.ts'

export const gatewayId = '0194f9a0-0000-7000-8000-000000000001'
export const siteId = '0194f9a0-0000-7000-8000-0000000000aa'
export const enrollmentSecret = 'a-secret-of-more-than-twenty-characters'

export interface Exchange {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

type Route = (exchange: Exchange, response: ServerResponse) => void | Promise<void>

/** The routes of the platform that a gateway uses, over real HTTP(S), and what was asked of them. */
export interface TestPlatform {
  url: string
  token: string
  exchanges: Exchange[]
  /** Takes the place of a route, for one test. */
  routes: Map<string, Route>
  /** Of the certificate given out last. */
  certificate: string | null
  validity: { notBefore?: Date; notAfter?: Date }
  /** The server's clock minus ours. */
  clockOffsetMs: number
  close(): Promise<void>
}

export interface TestPlatformOptions {
  authority: TestAuthority
  /** https with this certificate; null: plain http. */
  server: Pair | null
  mqttUrl?: string
  mqttWebSocketUrl?: string
}

export const makeToken = (caFingerprint: string, content: object = {}) =>
  `oet1.${Buffer.from(JSON.stringify({ secret: enrollmentSecret, siteId, caFingerprint, ...content })).toString('base64url')}`

export async function startTestPlatform(options: TestPlatformOptions): Promise<TestPlatform> {
  const { authority, server } = options
  const accessToken = 'access-1'
  const platform: TestPlatform = {
    url: '',
    token: makeToken(authority.fingerprint),
    exchanges: [],
    routes: new Map(),
    certificate: null,
    validity: {},
    clockOffsetMs: 0,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve())
        listener.closeAllConnections()
      }),
  }

  const routes: Record<string, Route> = {
    'GET /health/live': (_exchange, response) => reply(response, 200, {}),
    async 'POST /device/v1/gateways/enroll'({ body }, response) {
      const request: unknown = JSON.parse(body)
      if (!Value.Check(EnrollRequest, request)) return reply(response, 400, { detail: 'The body is wrong.' })
      if (request.secret !== enrollmentSecret) return reply(response, 401, { detail: 'This token was used before.' })
      platform.certificate = await authority.issueFor(request.csr, { commonName: gatewayId, ...platform.validity })
      reply(response, 201, {
        gatewayId,
        siteId,
        certificate: platform.certificate,
        caCertificate: authority.certificate,
        mqttUrl: options.mqttUrl ?? 'mqtts://localhost:8883',
        mqttWebSocketUrl: options.mqttWebSocketUrl ?? 'wss://localhost/mqtt',
      })
    },
    async 'POST /auth/v1/token'({ body }, response) {
      const form = new URLSearchParams(body)
      const refuse = (why: string) => reply(response, 401, { error: 'invalid_client', error_description: why })
      if (form.get('grant_type') !== 'client_credentials') return refuse('grant_type')
      if (form.get('client_assertion_type') !== 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
        return refuse('client_assertion_type')
      if (!platform.certificate) return refuse('nobody is enrolled')
      const key = createPublicKey(
        new X509Certificate(platform.certificate).publicKey.export({ type: 'spki', format: 'pem' }),
      )
      try {
        const { payload } = await jwtVerify(form.get('client_assertion') ?? '', key, {
          algorithms: ['ES256'],
          audience: 'urn:ocelli:platform',
          issuer: gatewayId,
          subject: gatewayId,
          requiredClaims: ['jti', 'iat', 'exp'],
          maxTokenAge: '5 minutes',
          currentDate: new Date(Date.now() + platform.clockOffsetMs),
        })
        if (!payload.jti) return refuse('jti')
      } catch (error) {
        return refuse(String(error))
      }
      reply(response, 200, { access_token: accessToken, token_type: 'Bearer', expires_in: 600 })
    },
    async 'POST /device/v1/gateways/self/certificate'({ body, headers }, response) {
      if (headers.authorization !== `Bearer ${accessToken}`) return reply(response, 401, {})
      const { csr } = JSON.parse(body) as { csr: string }
      platform.certificate = await authority.issueFor(csr, { commonName: gatewayId, ...platform.validity })
      reply(response, 200, { certificate: platform.certificate, caCertificate: authority.certificate })
    },
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const { method = '', headers } = request
    const exchange = { method, path: pathname, headers, body: Buffer.concat(chunks).toString() }
    platform.exchanges.push(exchange)
    response.setHeader('date', new Date(Date.now() + platform.clockOffsetMs).toUTCString())
    const key = `${method} ${pathname}`
    const route = platform.routes.get(key) ?? routes[key]
    if (route) await route(exchange, response)
    else reply(response, 404, { detail: `There is no ${pathname}.` })
  }

  const listener = server
    ? createHttpsServer({ cert: server.certificate, key: server.key }, answer)
    : createHttpServer(answer)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  platform.url = `${server ? 'https' : 'http'}://localhost:${port}`
  return platform
}

export function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
