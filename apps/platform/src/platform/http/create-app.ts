import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import formBody from '@fastify/formbody'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify'
import type { Logger } from 'pino'
import type { Metrics } from '../metrics.ts'
import { readJsonBodies } from './json-body.ts'
import { createKnownCallers } from './known-callers.ts'
import { createLazyCompilers } from './lazy-schemas.ts'
import { ProblemError, shownPath, toProblem, toProblemError } from './problem.ts'
import { rateLimitKey } from './rate-limit-key.ts'
import { watchStalledBodies } from './stalled-body.ts'
import { answerUnparseable, answerUnroutable, httpServerOptions, refuseUnreadable } from './unreadable-request.ts'

export interface AppOptions {
  log: Logger
  metrics: Metrics
  rateLimitPerSecond: number
  publicUrl: string
  tls: { key: string; cert: string; ca?: string } | null
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  trustedProxies?: readonly string[]
}

/** Everything that the page needs comes from here; pictures of its own style sheet are data. */
const docsPolicy = {
  'default-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
}

const description = `App platform for IP cameras.

Get an access token by \`POST /auth/v1/token\` (technical users) or make a personal access token, and give it under *Authorize*.
The document itself: [/openapi.json](/openapi.json).`

function ownVersion(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  return version
}

/** The HTTP server without its routes: request ids, problems, limits, documentation, measurements. */
export async function createApp({
  log,
  metrics,
  rateLimitPerSecond,
  publicUrl,
  tls,
  trustedProxies = [],
}: AppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID()
    },
    // a deviceId of 255 characters may take 12 bytes each when percent-encoded
    routerOptions: { maxParamLength: 4096 },
    bodyLimit: 1024 * 1024,
    // bodies are taken as they are: nothing guessed, nothing dropped (query and path are converted in register-routes)
    ajv: {
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: false,
        verbose: true,
      },
    },
    schemaController: { compilersFactory: createLazyCompilers() },
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    forceCloseConnections: true,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerUnparseable,
    ...(tls ? { https: { ...httpServerOptions, ...tls } } : { http: httpServerOptions }),
  } as object) as unknown as FastifyInstance
  app.decorateRequest('caller', null)
  const knownCallers = createKnownCallers({ maxCredentials: 50_000 })

  readJsonBodies(app)
  await app.register(formBody)
  if (rateLimitPerSecond > 0) {
    await app.register(rateLimit, {
      global: false,
      // 100 requests/s with a burst of 200 by default: twice the rate in a window of 2 s
      max: rateLimitPerSecond * 2,
      timeWindow: 2000,
      enableDraftSpec: true,
      cache: 20_000,
      keyGenerator: (request: FastifyRequest) => rateLimitKey(request, knownCallers),
      allowList: (request: FastifyRequest) => request.url.startsWith('/health/'),
      errorResponseBuilder: (_request, { ttl }) =>
        new ProblemError('too-many-requests', 'Too many requests: wait as long as Retry-After says.', {
          retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1000)),
        }),
    })
    // for the whole server, and so before any route asks who calls: at the routes it would come after, and refusals would count for nobody
    app.addHook('onRequest', app.rateLimit())
  }
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Ocelli', version: ownVersion(), description },
      servers: [{ url: publicUrl }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `schema-${index}`) },
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: docsPolicy,
    theme: { title: 'Ocelli API' },
    // The layout without the bar on top, which offers to read documents of other servers.
    uiConfig: { layout: 'BaseLayout', docExpansion: 'none', filter: true, displayRequestDuration: true },
  })

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
  })
  refuseUnreadable(app)
  // Nothing is promised to who expects more than to go on (RFC 9110, section 10.1.1).
  app.server.on('checkExpectation', (request, answer) => app.server.emit('request', request, answer))
  watchStalledBodies(app, { stalledAfterMs: 30_000 })
  app.addHook('preValidation', async ({ headers, caller }) => {
    if (caller) knownCallers.accepted(headers, caller)
  })
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode === 401) knownCallers.refused(request.headers)
    const path = request.routeOptions.url ?? 'unmatched'
    metrics.httpDuration.observe(
      { method: request.method, route: path, status: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    )
    if (!path.startsWith('/health/') && path !== '/metrics') {
      const line = {
        requestId: request.id,
        method: request.method,
        path,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        caller: request.caller?.id,
      }
      request.log.debug(line, 'request')
    }
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblemError(error)
    if (problem.status >= 500)
      request.log.error({ requestId: request.id, err: problem.cause ?? error }, 'request failed')
    const body = toProblem(problem, { path: shownPath(request), requestId: request.id })
    if (body.retryAfterSeconds !== null) reply.header('retry-after', String(body.retryAfterSeconds))
    if (problem.options.headers) reply.headers(problem.options.headers)
    return reply.status(problem.status).type('application/problem+json').serializer(JSON.stringify).send(body)
  })
  app.setNotFoundHandler((request) => {
    const path = shownPath(request).slice(0, 200)
    throw new ProblemError('not-found', `There is no ${request.method} ${path}. See /docs for what there is.`)
  })
  return app
}
