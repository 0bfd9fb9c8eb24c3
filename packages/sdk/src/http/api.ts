import type { Authorizer } from '../auth/authorizer.ts'
import { OcelliError } from '../errors/ocelli-error.ts'
import { onAbort } from '../on-abort.ts'
import type { Engine, Plan, RequestBody } from './engine.ts'
import type { Gate } from './gate.ts'
import { newIdempotencyKey } from './idempotency-key.ts'
import { readJson } from './read-answer.ts'
import { type OpenResponse, readText } from './read-body.ts'
import { type QueryValue, requestUrl } from './request-url.ts'
import { type RetryPolicy, toRetryPolicy } from './retry-policy.ts'

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Route = `${Verb} /${string}`
type ParamName<Path> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamName<Rest> : never

/** What every method takes beside its own arguments. */
export interface CallOptions {
  signal?: AbortSignal
  /** Over the client's. */
  retry?: Partial<RetryPolicy>
  /** Instead of a random one. The platform answers the same key with the same request with the first answer, for 24 h. */
  idempotencyKey?: string
}

export interface RouteTraits {
  /** Open to everybody: sent without credentials. */
  isPublic?: true
  /** The platform keeps no answer for an Idempotency-Key here: sent without, and again only when surely not carried out. */
  ignoresKey?: true
  /** Carrying it out twice does no harm, so it needs no key. */
  isRepeatable?: true
}

interface Parts {
  query?: Record<string, QueryValue>
  json?: unknown
  form?: Record<string, string>
  upload?: { body: RequestBody; contentType: string }
  headers?: Record<string, string>
  followsRedirects?: boolean
  accepts?: readonly number[]
}
type PartsOf<R extends Route> = Parts &
  ([ParamName<R>] extends [never] ? { params?: undefined } : { params: Record<ParamName<R>, string> })

export interface Answer<Body> {
  status: number
  headers: Headers
  body: Body
}

/** Sends one route's requests. */
export interface Send<R extends Route> {
  /** An object or array. */
  json<Body extends object>(parts: PartsOf<R>, options?: CallOptions): Promise<Body>
  list<Item>(parts: PartsOf<R>, options?: CallOptions): Promise<Item[]>
  answer<Body extends object>(parts: PartsOf<R>, options?: CallOptions): Promise<Answer<Body>>
  text(parts: PartsOf<R>, options?: CallOptions): Promise<string>
  nothing(parts: PartsOf<R>, options?: CallOptions): Promise<void>
  /** `take` gets the response while it is open, and closes its gate when it is done. */
  open<Value>(parts: PartsOf<R>, options: CallOptions, take: (open: OpenResponse) => Promise<Value>): Promise<Value>
}

export interface Api {
  readonly engine: Engine
  readonly policy: RetryPolicy
  /** Makes a method of the client and says which route it calls. */
  route<const R extends Route, Method extends (...args: never[]) => unknown>(
    route: R,
    make: (send: Send<R>) => Method,
    traits?: RouteTraits,
  ): Method & { readonly route: R; readonly traits: RouteTraits }
}

export interface ApiOptions {
  engine: Engine
  authorizer: Authorizer
  nobody: Authorizer
  baseUrl: string
  policy: RetryPolicy
  signal?: AbortSignal
  maxAnswerBytes: number
  userAgent?: string
}

export function createApi(options: ApiOptions): Api {
  const { engine, maxAnswerBytes } = options
  return {
    ...{ engine, policy: options.policy },
    route(route, make, traits = {}) {
      const run = async <Value>(
        { parts, call }: { parts: Parts & { params?: Record<string, string> }; call: CallOptions },
        take: (open: OpenResponse) => Promise<Value>,
        keeps = false,
      ): Promise<Value> => {
        const { signal, release } = joinSignals(options.signal, call.signal)
        const plan = { ...toPlan(options, { route, traits, parts, call }), signal }
        if (!keeps) return await engine.run(plan, take).finally(release)
        // who goes on reading after this has returned goes on listening to both signals
        const takeAndRelease = (open: OpenResponse) => take({ ...open, gate: closingWith(open.gate, release) })
        return await engine.run(plan, takeAndRelease, { keeps }).catch((error: unknown) => {
          release()
          throw error
        })
      }
      const send: Send<typeof route> = {
        answer: (parts, call = {}) =>
          run({ parts, call }, async (open) => {
            const body = await readJson(open, maxAnswerBytes)
            if (typeof body !== 'object' || body === null) throw unexpectedShape(open)
            return { status: open.response.status, headers: open.response.headers, body: body as never }
          }),
        json: async (parts, call) => (await send.answer(parts, call)).body as never,
        list: (parts, call = {}) =>
          run({ parts, call }, async (open) => {
            const body = await readJson(open, maxAnswerBytes)
            if (!Array.isArray(body)) throw unexpectedShape(open)
            return body
          }),
        text: (parts, call = {}) => run({ parts, call }, (open) => readText(open, maxAnswerBytes)),
        nothing: (parts, call = {}) =>
          run({ parts, call }, async ({ response }) => {
            await response.body?.cancel()
          }),
        open: (parts, call, take) => run({ parts, call }, take, true),
      }
      return Object.assign(make(send), { route, traits })
    },
  }
}

function toPlan(
  options: ApiOptions,
  {
    route,
    traits,
    parts,
    call,
  }: { route: Route; traits: RouteTraits; parts: Parts & { params?: Record<string, string> }; call: CallOptions },
): Plan {
  const [method = '', path = ''] = route.split(' ', 2)
  const takesKey = method !== 'GET' && !traits.ignoresKey && !traits.isRepeatable && !traits.isPublic
  const isRepeatable = method === 'GET' || takesKey || traits.isRepeatable === true
  const { body, contentType } = toBody(parts)
  return {
    ...{ route, method, body },
    url: requestUrl(options.baseUrl, path, parts),
    headers: {
      accept: 'application/json, application/problem+json;q=0.9, */*;q=0.5',
      ...(contentType ? { 'content-type': contentType } : {}),
      ...(options.userAgent ? { 'user-agent': options.userAgent } : {}),
      ...(takesKey ? { 'idempotency-key': call.idempotencyKey ?? newIdempotencyKey() } : {}),
      ...parts.headers,
    },
    repeatable: isRepeatable ? 'always' : 'if-not-carried-out',
    authorizer: traits.isPublic ? options.nobody : options.authorizer,
    policy: toRetryPolicy(call.retry, options.policy),
    followsRedirects: parts.followsRedirects ?? false,
    accepts: parts.accepts ?? [],
  }
}

function toBody({ json, form, upload }: Parts): { body: RequestBody | null; contentType: string | null } {
  if (upload) return upload
  if (form) {
    const text = new URLSearchParams(form).toString()
    return { body: { make: () => text, isOneShot: false }, contentType: 'application/x-www-form-urlencoded' }
  }
  if (json === undefined) return { body: null, contentType: null }
  const text = JSON.stringify(json)
  return { body: { make: () => text, isOneShot: false }, contentType: 'application/json' }
}

/** Either aborts the joined signal; `AbortSignal.any` would be held by a long-lived signal for as long as that lives. */
function joinSignals(...given: (AbortSignal | undefined)[]): { signal: AbortSignal | undefined; release: () => void } {
  const signals = given.filter((signal) => signal !== undefined)
  if (signals.length < 2) return { signal: signals[0], release: () => {} }
  const joined = new AbortController()
  const releases = signals.map((signal) => onAbort(signal, () => joined.abort(signal.reason)))
  return {
    signal: joined.signal,
    release: () => {
      for (const release of releases) release()
    },
  }
}

function closingWith(gate: Gate, release: () => void): Gate {
  return {
    ...gate,
    close() {
      gate.close()
      release()
    },
  }
}

function unexpectedShape({ response }: OpenResponse): OcelliError {
  return new OcelliError('The answer is JSON, but not what this route gives. Check the base URL.', {
    ...{ kind: 'bad-answer', code: 'unexpected-shape', status: response.status },
    requestId: response.headers.get('x-request-id'),
  })
}
