import type { Permission } from '@ocelli/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Caller } from '../auth/caller.ts'
import type { Database } from '../database/database.ts'
import type { EventOrigin } from '../events/emit.ts'
import type { IdempotentRequest } from './idempotency.ts'

/**
 * Who may call a route. A permission; any signed-in person or machine; a gateway; everybody.
 * Checked before the request is validated and before anything is looked up.
 */
export type Access = Permission | 'signed-in' | 'gateway' | 'public'

/** What a service works in: the pool or the request's transaction, the caller, and the origin of its events. */
export interface Context {
  db: Database
  caller: Caller
  origin: EventOrigin
  /** Runs after the request's transaction has committed; at once when there is none. Only ever a hint, never the deed. */
  afterCommit: (hint: () => void) => void
  /** The request's Idempotency-Key where the route keeps it itself: see `Route.keepsKeys`. */
  key?: IdempotentRequest
}

export interface Answer<Body> {
  status: number
  body: Body
  headers?: Record<string, string>
}

export interface Received<Value> {
  /** SHA-256 of an upload, which stands for the body in the idempotency hash. */
  digest: string
  value: Value
  dispose: () => Promise<void>
}

/** What a part of a request is after its schema; nothing where there is none. */
export type Part<Schema> = Schema extends TSchema ? Static<Schema> : Record<string, never>

export interface RouteRequest<Params, Query, Body> {
  params: Params
  query: Query
  body: Body
  context: Context
  raw: FastifyRequest
}

export interface Route<
  Params extends TSchema | undefined = undefined,
  Query extends TSchema | undefined = undefined,
  Body extends TSchema | undefined = undefined,
> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  access: Access
  tag: string
  summary: string
  description?: string
  params?: Params
  query?: Query
  body?: Body
  /** `application/x-www-form-urlencoded` for the token route, JSON otherwise. */
  consumes?: string
  /** Status to schema; null: no body, or one that is not JSON. */
  responses: Record<number, TSchema | null>
  /** Mutations of signed-in callers accept Idempotency-Key unless this is false. */
  idempotent?: boolean
  /** The route keeps Idempotency-Keys itself (`context.key`): it carries out many requests in one transaction. */
  keepsKeys?: boolean
  bodyLimitBytes?: number
  /** Runs before the transaction and takes in a streamed body. */
  receive?: (request: FastifyRequest, caller: Caller) => Promise<Received<unknown>>
  handle: (
    request: RouteRequest<Part<Params>, Part<Query>, Part<Body>> & { received: unknown },
  ) => Promise<Answer<unknown>>
  /** Instead of `handle` where the answer is a stream: writes to the reply itself. */
  stream?: (request: RouteRequest<Part<Params>, Part<Query>, Part<Body>>, reply: FastifyReply) => Promise<unknown>
}

// biome-ignore lint/suspicious/noExplicitAny: the generics of a route end here; each route was checked where it was written
export type AnyRoute = Route<any, any, any>

/** Infers the handler's types from the schemas. */
export function route<
  Params extends TSchema | undefined = undefined,
  Query extends TSchema | undefined = undefined,
  Body extends TSchema | undefined = undefined,
>(definition: Route<Params, Query, Body>): AnyRoute {
  return definition
}

/** For routes that stream: `handle` is never called. */
export const streamed = async (): Promise<never> => {
  throw new Error('A streamed route was asked for a plain answer.')
}

export const ok = <Body>(body: Body, headers?: Record<string, string>): Answer<Body> => ({ status: 200, body, headers })
export const created = <Body>(body: Body): Answer<Body> => ({ status: 201, body })
export const noContent = (): Answer<null> => ({ status: 204, body: null })
