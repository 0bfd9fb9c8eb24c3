import { Health, KeySet } from '@ocelli/contract'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { type Access, type AnyRoute, ok, route, streamed } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'

export interface SystemRoutesDeps {
  keys: LicenseKeys
  /** PEM */
  caCertificate: string
  registry: Registry
  /** Public where only this machine reaches the platform, else for the instance administrator. */
  metricsAccess: Access
  /** Each check throws when its part cannot work. */
  checks: Record<string, () => Promise<void>>
  log: Logger
  checkTimeoutMs?: number
}

const tag = 'System'

export function systemRoutes({
  keys,
  caCertificate,
  registry,
  metricsAccess,
  checks,
  log,
  checkTimeoutMs = 5000,
}: SystemRoutesDeps): AnyRoute[] {
  const look = shared(async () => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const result = await within(checkTimeoutMs, check).then(
          () => 'ok' as const,
          (err: unknown) => {
            log.warn({ err, check: name }, 'not ready')
            return 'failed' as const
          },
        )
        return [name, result] as const
      }),
    )
    return Object.fromEntries(results)
  })
  return [
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      access: 'public',
      tag,
      summary: 'Public keys that licenses are verified with',
      responses: { 200: KeySet },
      handle: async () =>
        ok(
          { keys: keys.publicKeys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, use: 'sig', alg: 'EdDSA' })) },
          { 'cache-control': 'public, max-age=300' },
        ),
    }),
    route({
      method: 'GET',
      path: '/.well-known/ocelli-ca.pem',
      access: 'public',
      tag,
      summary: "The certificate of the platform's own CA, for those who are to trust it",
      responses: { 200: null },
      handle: streamed,
      stream: async (_request, reply) =>
        reply
          .type('application/x-pem-file')
          .header('content-disposition', 'attachment; filename="ocelli-ca.pem"')
          .send(caCertificate),
    }),
    route({
      method: 'GET',
      path: '/health/live',
      access: 'public',
      tag,
      summary: 'The process answers',
      responses: { 200: Health },
      handle: async () => ok({ status: 'live', checks: {} }),
    }),
    route({
      method: 'GET',
      path: '/health/ready',
      access: 'public',
      tag,
      summary: 'Everything the platform needs answers',
      responses: { 200: Health, 503: Health },
      handle: async () => {
        const results = await look()
        const isReady = Object.values(results).every((result) => result === 'ok')
        return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', checks: results } }
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      access: metricsAccess,
      tag,
      summary: 'Measurements for Prometheus',
      responses: { 200: null },
      handle: streamed,
      stream: async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
    }),
  ]
}

/** Whoever asks while a look is under way is told what comes of it: anybody may ask, as often as they like. */
function shared<Result>(look: () => Promise<Result>): () => Promise<Result> {
  let underWay: Promise<Result> | null = null
  return () => {
    underWay ??= look().finally(() => {
      underWay = null
    })
    return underWay
  }
}

/** A part that hangs is as bad as one that fails, and whoever asks for readiness does not wait for ever. */
async function within(timeoutMs: number, check: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`No answer in ${timeoutMs} ms.`)), timeoutMs)
  try {
    await Promise.race([check(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
