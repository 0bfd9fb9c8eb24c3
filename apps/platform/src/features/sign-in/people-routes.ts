import { PasswordChange, SignedIn, SignIn } from '@ocelli/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientNetwork } from '../../platform/http/client-network.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { type AnyRoute, route, streamed } from '../../platform/http/route.ts'
import { createFailureLimit, type FailureLimit } from '../auth-token/failure-limit.ts'
import { attemptWithin } from '../auth-token/within-limits.ts'
import { createFamiliarPlaces } from './familiar-places.ts'
import { type People, peoplePath, trustedOrigins } from './people.ts'
import { refuseForeign } from './session-authentication.ts'

const shared = { access: 'public', tag: 'Sign-in', handle: streamed } as const

/** The few calls of the sign-in library that are ours to offer; everything else of it stays unreachable. */
export function peopleRoutes(deps: {
  people: Pick<People, 'handle' | 'forget' | 'authenticate'>
  publicUrl: string
  nowMs: () => number
  /** Refusals in five minutes for a network, and for an e-mail from wherever. */
  maxRefusals?: number
}): AnyRoute[] {
  const { people, publicUrl, nowMs, maxRefusals = 100 } = deps
  const limits = { windowMs: 300_000, maxKeys: 20_000, nowMs }
  const perPersonAndNetwork = createFailureLimit({ ...limits, maxFailures: 10 })
  // one network that tries many e-mails, and many networks that try one: both pass by who signs in where it has done so before
  const perNetwork = createFailureLimit({ ...limits, maxFailures: maxRefusals })
  const perPerson = createFailureLimit({ ...limits, maxFailures: maxRefusals })
  const perSession = createFailureLimit({ ...limits, maxFailures: 10 })
  const familiar = createFamiliarPlaces({ maxPlaces: 20_000 })

  async function forward(raw: FastifyRequest, body?: unknown): Promise<Response> {
    const comesFromBrowser = raw.headers.cookie !== undefined || raw.headers.origin !== undefined
    if (raw.method !== 'GET' && comesFromBrowser) refuseForeign(raw.headers, trustedOrigins(publicUrl))
    const response = await people.handle(toRequest(raw, { publicUrl, body }))
    if (raw.method !== 'GET') people.forget()
    return response
  }
  return [
    route({
      ...shared,
      method: 'POST',
      path: `${peoplePath}/sign-in/email`,
      summary: 'Sign in with e-mail and password',
      description: 'Sets the session cookie. Ten refusals within five minutes: 429.',
      body: SignIn,
      responses: { 200: SignedIn },
      stream: async ({ body, raw }, reply) => {
        const email = body.email.toLowerCase()
        const network = clientNetwork(raw.ip)
        const place = { network, email }
        const response = await limited(
          [
            [perPersonAndNetwork, `${network} ${email}`],
            ...(familiar.has(place)
              ? []
              : ([
                  [perNetwork, network],
                  [perPerson, email],
                ] as const)),
          ],
          () => forward(raw, { ...body, email }),
        )
        if (response.ok) familiar.add(place)
        return await answer(reply, response, 'E-mail or password is wrong.')
      },
    }),
    route({
      ...shared,
      method: 'POST',
      path: `${peoplePath}/sign-out`,
      summary: 'End the session',
      responses: { 204: null },
      stream: async ({ raw }, reply) => {
        const response = await forward(raw, {})
        if (!response.ok) throw await toProblem(response, 'There is no session.')
        return copyCookies(reply, response).status(204).send()
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: `${peoplePath}/get-session`,
      summary: 'Who is signed in; prolongs the session',
      responses: { 200: SignedIn },
      stream: async ({ raw }, reply) => await answer(reply, await forward(raw), 'Nobody is signed in.'),
    }),
    route({
      ...shared,
      method: 'POST',
      path: `${peoplePath}/change-password`,
      summary: 'Change the own password; ends all other sessions',
      body: PasswordChange,
      responses: { 200: SignedIn },
      stream: async ({ body, raw }, reply) => {
        const caller = await people.authenticate({ headers: raw.headers, method: raw.method })
        if (!caller) throw new ProblemError('unauthenticated', 'Nobody is signed in.')
        const response = await limited([[perSession, caller.id]], () =>
          forward(raw, { ...body, revokeOtherSessions: true }),
        )
        return await answer(reply, response, 'Nobody is signed in.')
      },
    }),
  ]
}

async function limited(
  limits: readonly (readonly [FailureLimit, string])[],
  run: () => Promise<Response>,
): Promise<Response> {
  // the right password takes back none of the wrong ones: whoever has an account would clear its network's count by signing in
  const made = await attemptWithin(limits, run, {
    ofResult: ({ ok }) => (ok ? 'neither' : 'refused'),
    ofError: () => 'neither',
  })
  if (made.kind === 'made') return made.result
  throw new ProblemError('too-many-requests', 'Too many refused attempts: wait as long as Retry-After says.', made)
}

/** Only what the library needs is handed on: an address or host that a client claims is not. */
function toRequest(raw: FastifyRequest, { publicUrl, body }: { publicUrl: string; body?: unknown }): Request {
  const headers = new Headers({ 'x-ocelli-address': raw.ip })
  for (const name of [
    'cookie',
    'origin',
    'referer',
    'user-agent',
    'sec-fetch-site',
    'sec-fetch-mode',
    'sec-fetch-dest',
  ]) {
    const value = raw.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  const url = new URL(raw.routeOptions.url ?? '', publicUrl)
  if (body === undefined) return new Request(url, { method: raw.method, headers })
  headers.set('content-type', 'application/json')
  return new Request(url, { method: raw.method, headers, body: JSON.stringify(body) })
}

async function answer(reply: FastifyReply, response: Response, refusal: string): Promise<FastifyReply> {
  if (!response.ok) throw await toProblem(response, refusal)
  const body = (await response.json()) as { user?: { email?: unknown; name?: unknown } } | null
  if (!body?.user) throw new ProblemError('unauthenticated', refusal)
  // the library's answer holds the session token too, which has no business outside its cookie
  return copyCookies(reply, response)
    .header('cache-control', 'no-store')
    .send({ email: String(body.user.email), name: String(body.user.name ?? '') })
}

function copyCookies(reply: FastifyReply, response: Response): FastifyReply {
  const cookies = response.headers.getSetCookie()
  return cookies.length > 0 ? reply.header('set-cookie', cookies) : reply
}

async function toProblem(response: Response, refusal: string): Promise<ProblemError> {
  const text = await response.text()
  if (response.status === 401) return new ProblemError('unauthenticated', refusal)
  if (response.status === 403) {
    return new ProblemError('permission-missing', 'This must come from a page of this platform.', { cause: text })
  }
  if (response.status >= 500) return new ProblemError('internal', 'Sign-in failed on our side.', { cause: text })
  return new ProblemError('invalid-request', `Sign-in refused the request: ${readMessage(text)}.`)
}

function readMessage(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : 'it is not valid'
  } catch {
    // not JSON: nothing that a person could use
    return 'it is not valid'
  }
}
