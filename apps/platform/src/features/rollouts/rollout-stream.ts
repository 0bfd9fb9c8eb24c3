import type { ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Rollout } from '@ocelli/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator, Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import type { OpenStreams } from '../../platform/http/open-streams.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { answerHead, beginEventStream } from '../../platform/http/server-sent-events.ts'
import { readRollout } from './rollout-view.ts'

export interface RolloutStreamDeps {
  db: Database
  authenticate: Authenticator
  /** Ends with the platform: open streams end too. */
  closing: AbortSignal
  streams: OpenStreams
}

const lookEveryMs = 500
const heartbeatEveryMs = 15_000
const checkedEveryMs = 5000

/**
 * The rollout as server-sent events named `rollout`, each the whole of it: now, and whenever something about it has
 * changed. Ends after the one that says that it is over, with no device in flight, and when the rollout cannot be read. Nothing
 * to resume: every event is whole.
 */
export async function streamRollout(
  deps: RolloutStreamDeps,
  {
    caller,
    rolloutId,
    request,
    reply,
  }: { caller: Caller; rolloutId: string; request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  const rollout = await readRollout({ db: deps.db, caller }, rolloutId)
  if (answerHead(request, reply)) return
  const leave = deps.streams.enter(caller)
  const { out, gone } = beginEventStream(request, reply)
  const signal = AbortSignal.any([gone, deps.closing])
  out.write('retry: 3000\n\n')
  try {
    await tellChanges(deps, { caller, rollout, request, out, signal })
  } finally {
    leave()
    // also where the rollout cannot be read: a reader that is cut off comes again, one that hears nothing waits
    out.end()
  }
}

async function tellChanges(
  deps: RolloutStreamDeps,
  given: { caller: Caller; rollout: Rollout; request: FastifyRequest; out: ServerResponse; signal: AbortSignal },
): Promise<void> {
  const { request, out, signal } = given
  const { rolloutId } = given.rollout
  let { caller, rollout } = given
  let told = ''
  let quietMs = 0
  let uncheckedMs = 0
  while (!signal.aborted) {
    const text = JSON.stringify(rollout)
    // a reader that takes nothing has nothing kept for it: it gets the newest once there is room
    if (text !== told && !out.writableNeedDrain) {
      out.write(`event: rollout\ndata: ${text}\n\n`)
      told = text
      quietMs = 0
    }
    const hasEnded = rollout.state === 'COMPLETED' || rollout.state === 'ABORTED'
    const { pending, offline, inFlight } = rollout.counters
    if (hasEnded && pending + offline + inFlight === 0 && text === told) break
    await pause(lookEveryMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) break
    quietMs += lookEveryMs
    uncheckedMs += lookEveryMs
    if (quietMs >= heartbeatEveryMs && !out.writableNeedDrain) {
      quietMs = 0
      out.write(': still here\n\n')
    }
    if (uncheckedMs >= checkedEveryMs) {
      uncheckedMs = 0
      // a revoked token or a lost permission ends the stream
      const now = await deps.authenticate({ headers: request.headers, method: 'GET' }).catch(() => null)
      if (!now?.permissions.has('apps:view')) break
      caller = now
    }
    const next = await readRollout({ db: deps.db, caller }, rolloutId).catch((error: unknown) => {
      if (error instanceof ProblemError) return null
      throw error
    })
    if (!next) break
    rollout = next
  }
}
