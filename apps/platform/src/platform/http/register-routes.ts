import { Problem } from '@ocelli/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import type { Authenticator, Caller } from '../auth/caller.ts'
import type { Database } from '../database/database.ts'
import { type IdempotentRequest, runIdempotent } from './idempotency.ts'
import { createLargeBodyGuard } from './large-bodies.ts'
import { ProblemError } from './problem.ts'
import type { Answer, AnyRoute, Context } from './route.ts'
import { createSchemaRegistry } from './schema-registry.ts'
import { refuseUnstorable } from './storable-text.ts'
import { formType, fromWireText } from './wire-text.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
  }
}

/** Puts routes on the server: authentication, permission, validation, idempotency and the answer, in this order. */
export function registerRoutes(
  app: FastifyInstance,
  routes: AnyRoute[],
  { db, authenticate }: { db: Database; authenticate: Authenticator },
): void {
  const registry = createSchemaRegistry(app)
  const guardLargeBody = createLargeBodyGuard()
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      schema: {
        tags: [route.tag],
        summary: route.summary,
        description: describe(route),
        operationId: operationId(route),
        ...(route.consumes ? { consumes: [route.consumes] } : {}),
        ...(route.access === 'public' ? { security: [] } : {}),
        ...(route.params ? { params: route.params } : {}),
        ...(route.query ? { querystring: route.query } : {}),
        ...(route.body ? { body: registry.reference(route.body) } : {}),
        response: responses(route, (schema) => registry.reference(schema)),
        'x-ocelli-access': route.access,
        ...(route.method === 'GET' ? {} : { 'x-ocelli-idempotency-key': obeysIdempotencyKey(route) }),
      } as object,
      ...(route.bodyLimitBytes ? { bodyLimit: route.bodyLimitBytes } : {}),
      // before the body is read: nobody's upload is taken in before it is known who sends it
      onRequest: async (request, reply) => {
        const caller = route.access === 'public' ? null : permit(route, await authenticate(request))
        if (caller) guardLargeBody({ request, reply, caller }, route.bodyLimitBytes)
        request.caller = caller
        refuseOtherForm(request, route)
        if (route.query) request.query = fromWireText(route.query, request.query)
        if (route.params) request.params = fromWireText(route.params, request.params)
      },
      handler: async (request, reply) => {
        // gateways tell what cameras say, and no word of a camera is worth a failed claim: their routes take such text out
        if (route.access !== 'gateway') refuseUnstorable(request)
        if (route.stream) return await route.stream(routeRequest(request, contextOf(request, db)), reply)
        return send(reply, await answer(route, request, db))
      },
    })
  }
}

/** What a reader of the documentation must know beside the schemas: who may, and whether a repetition is safe. */
function describe(route: AnyRoute): string {
  const { access, description } = route
  const who: Record<string, string> = {
    public: 'Needs no sign-in.',
    'signed-in': 'For anybody who is signed in.',
    gateway: 'For gateways.',
  }
  const repeats = route.method !== 'GET' && obeysIdempotencyKey(route) ? 'Accepts `Idempotency-Key`.' : null
  return [description, who[access] ?? `Needs the permission \`${access}\`.`, repeats].filter(Boolean).join(' ')
}

function permit({ access }: AnyRoute, caller: Caller | null): Caller {
  if (!caller) {
    throw new ProblemError(
      'unauthenticated',
      'Send `Authorization: Bearer …` with an access token or a personal access token.',
      {
        headers: { 'www-authenticate': 'Bearer' },
      },
    )
  }
  if (access === 'gateway') {
    if (caller.kind !== 'gateway') throw new ProblemError('permission-missing', 'Only gateways may call this.')
  } else if (access === 'signed-in') {
    if (caller.kind === 'gateway') throw new ProblemError('permission-missing', 'Gateways may not call this.')
  } else if (access !== 'public' && !caller.permissions.has(access)) {
    throw new ProblemError('permission-missing', `This needs the permission ${access}.`, { requiredPermission: access })
  }
  return caller
}

/** What `curl -d` sends unasked would be read as a form of one strange field, and the problem tell of fields that are missing. */
function refuseOtherForm({ headers }: FastifyRequest, route: AnyRoute): void {
  const isOther = /^(?:application\/x-www-form-urlencoded|text\/plain)/i.test(headers['content-type'] ?? '')
  if (!route.body || route.consumes === formType || !isOther) return
  throw new ProblemError('unsupported-media-type', 'Send the body as JSON, with Content-Type: application/json.')
}

async function answer(route: AnyRoute, request: FastifyRequest, db: Database): Promise<Answer<unknown>> {
  const key = request.headers['idempotency-key']
  if (key !== undefined && (typeof key !== 'string' || key.length < 1 || key.length > 255)) {
    throw new ProblemError('invalid-request', 'Idempotency-Key is 1 to 255 characters.')
  }
  const { caller } = request
  const received = route.receive && caller ? await route.receive(request, caller) : undefined
  try {
    if (!key || !caller || !obeysIdempotencyKey(route)) {
      return await route.handle({ ...routeRequest(request, contextOf(request, db)), received: received?.value })
    }
    const keyed: IdempotentRequest = {
      key,
      caller,
      method: request.method,
      path: request.url.split('?')[0] ?? request.url,
      requestId: request.id,
      content: { url: request.url, body: received?.digest ?? request.body ?? null },
    }
    const run = (context: Context) => route.handle({ ...routeRequest(request, context), received: received?.value })
    if (route.keepsKeys) return await run({ ...contextOf(request, db), key: keyed })
    const hints: (() => void)[] = []
    const result = await runIdempotent(db, keyed, (transaction) =>
      run({ ...contextOf(request, transaction), afterCommit: (hint) => hints.push(hint) }),
    )
    for (const hint of hints) hint()
    return result
  } finally {
    await received?.dispose()
  }
}

/** What is streamed or belongs to nobody has no place to store its answer. */
function obeysIdempotencyKey(route: AnyRoute): boolean {
  return route.method !== 'GET' && route.idempotent !== false && route.access !== 'public' && !route.stream
}

function contextOf(request: FastifyRequest, db: Database): Context {
  const { caller } = request
  return {
    db,
    // public routes never look at the caller; the type spares every other route a check
    caller: caller as Caller,
    origin: {
      actor: caller ? { kind: caller.kind, id: caller.id } : { kind: 'platform', id: null },
      requestId: request.id,
    },
    afterCommit: (hint) => hint(),
  }
}

function routeRequest(request: FastifyRequest, context: Context) {
  return {
    params: request.params as never,
    query: request.query as never,
    body: request.body as never,
    context,
    raw: request,
  }
}

function send(reply: FastifyReply, { status, headers, body }: Answer<unknown>): FastifyReply {
  reply.status(status)
  if (headers) reply.headers(headers)
  return status === 204 ? reply.send() : reply.send(body)
}

function responses(route: AnyRoute, reference: (schema: TSchema) => TSchema): Record<string, unknown> {
  const declared = Object.fromEntries(
    Object.entries(route.responses).map(([status, schema]) => [
      status,
      schema ? reference(schema) : { description: 'No JSON body', type: 'null' },
    ]),
  )
  const problem = { description: 'Problem', content: { 'application/problem+json': { schema: reference(Problem) } } }
  return { ...declared, '4xx': problem, '5xx': problem }
}

function operationId({ method, path }: AnyRoute): string {
  return `${method.toLowerCase()}${path.replace(/[/:{}*.-]+(\w?)/g, (_, next: string) => next.toUpperCase())}`
}
