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

const notStored = new Set([401, 403, 408, 429])

/**
 * The same key with the same request gets the first answer again (rules.md 7). The key's row and the effect commit in
 * one transaction; while that runs, an advisory lock tells a second request to come back.
 */
export async function runIdempotent(
  db: Database,
  request: IdempotentRequest,
  run: (transaction: DatabaseTransaction) => Promise<Answer<unknown>>,
): Promise<Answer<unknown> & { replayed: boolean }> {
  const scope = hash([request.caller.kind, request.caller.id, request.method, request.path, request.key])
  const requestHash = hash(request.content)
  return await inTransaction(db, async (transaction) => {
    const lock = await sql<{
      free: boolean
    }>`SELECT pg_try_advisory_xact_lock(hashtextextended(${scope}, 0)) AS free`.execute(transaction)
    if (!lock.rows[0]?.free) {
      throw new ProblemError('idempotency-key-in-use', 'The first request with this Idempotency-Key is still running.')
    }
    const first = await transaction
      .selectFrom('idempotency_key')
      .selectAll()
      .where('scope_hash', '=', scope)
      .where('created_at', '>', sql<string>`now() - interval '24 hours'`)
      .executeTakeFirst()
    if (first) {
      if (first.request_hash !== requestHash) {
        throw new ProblemError(
          'idempotency-key-reused',
          'This Idempotency-Key was used with another request. Use a new key.',
        )
      }
      return { status: first.status, headers: first.headers, body: JSON.parse(first.body), replayed: true }
    }
    const answer = await runOrRefuse(transaction, request, run)
    if (!notStored.has(answer.status) && answer.status < 500) {
      await transaction
        .insertInto('idempotency_key')
        .values({
          scope_hash: scope,
          request_hash: requestHash,
          status: answer.status,
          headers: JSON.stringify(answer.headers ?? {}),
          body: JSON.stringify(answer.body ?? null),
        })
        .onConflict((conflict) =>
          conflict.column('scope_hash').doUpdateSet((eb) => ({
            request_hash: eb.ref('excluded.request_hash'),
            status: eb.ref('excluded.status'),
            headers: eb.ref('excluded.headers'),
            body: eb.ref('excluded.body'),
            created_at: sql`now()`,
          })),
        )
        .execute()
    }
    return { ...answer, replayed: false }
  })
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
    const problem = toProblemError(error)
    if (problem.status >= 500 || notStored.has(problem.status)) throw error
    await sql`ROLLBACK TO SAVEPOINT attempt`.execute(transaction)
    return {
      status: problem.status,
      headers: { 'content-type': 'application/problem+json', ...problem.options.headers },
      body: toProblem(problem, request),
    }
  }
}

function hash(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url')
}
