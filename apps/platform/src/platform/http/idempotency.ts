import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Caller } from '../auth/caller.ts'
import type { Database, DatabaseTransaction } from '../database/database.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { ProblemError, toProblem, toProblemError } from './problem.ts'
import type { Answer } from './route.ts'

export interface IdempotentRequest {
  key: string
  caller: Caller
  method: string
  path: string
  requestId: string
  /** Everything that makes the request what it is, an upload by its SHA-256. */
  content: unknown
}

export type KeyVerdict =
  /** Nobody has used the key: carry the request out and keep its answer, in this transaction. */
  { kind: 'first' } | { kind: 'answered'; answer: Answer<unknown> } | { kind: 'refused'; problem: ProblemError }

interface Kept {
  scope_hash: string
  request_hash: string
  status: number
  headers: Record<string, string>
  body: string
}

const notStored = new Set([401, 403, 408, 429])

/**
 * The same key with the same request gets the first answer again (rules.md 7). The key's row and the effect commit in
 * one transaction; while that runs, an advisory lock tells a second request to come back.
 */
export async function runIdempotent(
  db: Database,
  request: IdempotentRequest,
  run: (transaction: DatabaseTransaction) => Promise<Answer<unknown>>,
): Promise<Answer<unknown>> {
  return await inTransaction(db, async (transaction) => {
    const verdict = (await claimKeys(transaction, [request])).get(request)
    if (verdict?.kind === 'refused') throw verdict.problem
    if (verdict?.kind === 'answered') return verdict.answer
    const answer = await runOrRefuse(transaction, request, run)
    await keepAnswers(transaction, new Map([[request, answer]]))
    return answer
  })
}

/** Takes the keys of many requests for this transaction, no key twice, and tells what each is in for. */
export async function claimKeys(
  transaction: DatabaseTransaction,
  requests: IdempotentRequest[],
): Promise<Map<IdempotentRequest, KeyVerdict>> {
  if (requests.length === 0) return new Map()
  const { rows: locked } = await sql<{
    scope: string
  }>`SELECT scope FROM unnest(${requests.map(scopeOf)}::text[]) AS scope
    WHERE pg_try_advisory_xact_lock(hashtextextended(scope, 0))`.execute(transaction)
  const free = new Set(locked.map(({ scope }) => scope))
  // a statement of its own: its snapshot must show what the lock's last holder has committed
  const { rows: kept } = await sql<Kept>`
    SELECT k.scope_hash, k.request_hash, k.status, k.headers, k.body FROM unnest(${[...free]}::text[]) AS scope
    -- apart, so that it stays a look into the index for each key whatever the planner knows of the table
    CROSS JOIN LATERAL (SELECT * FROM idempotency_key WHERE scope_hash = scope AND created_at > now() - interval '24 hours' LIMIT 1) k`.execute(
    transaction,
  )
  const firsts = new Map(kept.map((row) => [row.scope_hash, row]))
  const judge = (request: IdempotentRequest): KeyVerdict => {
    const scope = scopeOf(request)
    const first = firsts.get(scope)
    if (!free.has(scope)) return { kind: 'refused', problem: keyInUse() }
    if (!first) return { kind: 'first' }
    if (first.request_hash !== hash(request.content)) return { kind: 'refused', problem: keyReused() }
    const headers = { ...first.headers, 'idempotency-replayed': 'true' }
    return { kind: 'answered', answer: { status: first.status, headers, body: JSON.parse(first.body) } }
  }
  return new Map(requests.map((request) => [request, judge(request)]))
}

/** Keeps the answers for those who send their keys again; what may be tried again with the same key is not kept. */
export async function keepAnswers(
  transaction: DatabaseTransaction,
  answers: Map<IdempotentRequest, Answer<unknown>>,
): Promise<void> {
  const rows = [...answers]
    .filter(([, { status }]) => isKept(status))
    .map(([request, { status, headers, body }]) => ({
      scope: scopeOf(request),
      content: hash(request.content),
      status,
      headers: headers ?? {},
      body: JSON.stringify(body ?? null),
    }))
  if (rows.length === 0) return
  await sql`
    INSERT INTO idempotency_key (scope_hash, request_hash, status, headers, body)
    SELECT scope, content, status, headers, body FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS r(scope text, content text, status integer, headers jsonb, body text)
    ON CONFLICT (scope_hash) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status,
      headers = excluded.headers, body = excluded.body, created_at = now()`.execute(transaction)
}

/** A refusal as an answer that is kept like any other; null where the error is none that is kept. */
export function refusalAnswer(error: unknown, request: IdempotentRequest): Answer<unknown> | null {
  const problem = toProblemError(error)
  if (!isKept(problem.status)) return null
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', ...problem.options.headers },
    body: toProblem(problem, request),
  }
}

/** A refusal is an answer too and is stored; its half-done work is rolled back to before the attempt. */
async function runOrRefuse(
  transaction: DatabaseTransaction,
  request: IdempotentRequest,
  run: (transaction: DatabaseTransaction) => Promise<Answer<unknown>>,
): Promise<Answer<unknown>> {
  await sql`SAVEPOINT attempt`.execute(transaction)
  try {
    return await run(transaction)
  } catch (error) {
    const refusal = refusalAnswer(error, request)
    if (!refusal) throw error
    await sql`ROLLBACK TO SAVEPOINT attempt`.execute(transaction)
    return refusal
  }
}

const forgottenAtOnce = 10_000

/** Deletes what is older than keys are kept, in statements of a limited size: after a long stop there are many. */
export async function forgetKeys(db: Database): Promise<void> {
  for (let deleted = forgottenAtOnce; deleted === forgottenAtOnce; ) {
    const { numAffectedRows } = await sql`DELETE FROM idempotency_key WHERE scope_hash IN (
      SELECT scope_hash FROM idempotency_key WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT ${forgottenAtOnce})`.execute(
      db,
    )
    deleted = Number(numAffectedRows ?? 0)
  }
}

const isKept = (status: number): boolean => status < 500 && !notStored.has(status)

const keyInUse = () =>
  new ProblemError('idempotency-key-in-use', 'The first request with this Idempotency-Key is still running.')
const keyReused = () =>
  new ProblemError('idempotency-key-reused', 'This Idempotency-Key was used with another request. Use a new key.')

const scopeOf = ({ caller, method, path, key }: IdempotentRequest): string =>
  hash([caller.kind, caller.id, method, path, key])

function hash(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url')
}
