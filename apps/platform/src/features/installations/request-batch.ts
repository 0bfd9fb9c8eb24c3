import {
  brokenConstraint,
  type Database,
  type DatabaseTransaction,
  isTransient,
} from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { claimKeys, type IdempotentRequest, keepAnswers, refusalAnswer } from '../../platform/http/idempotency.ts'
import type { Answer } from '../../platform/http/route.ts'
import { expireOverdue } from '../licenses/expire-licenses.ts'
import { decideAndWrite, overtaken, type Round } from './decide-and-write.ts'
import type { InstallationRequest, RequestOutcome } from './installation-request.ts'

/**
 * Carries out many requests together, with the keys and answers of those that sent an Idempotency-Key in the same
 * transaction. What becomes of each request: docs/adr/0017. Throws where several cannot be written as a whole; nothing of
 * them is written then.
 */
export async function performRequests(
  { db, wake }: { db: Database; wake: () => void },
  requests: InstallationRequest[],
): Promise<RequestOutcome[]> {
  const { outcomes, hasChanged } = await perform(db, firstOfEachDevice(requests))
  if (hasChanged) wake()
  return requests.map((request) => outcomes.get(request) ?? { kind: 'again', item: request })
}

/** A device's revision moves once in a statement: who comes second on a device is decided on what the first has made. */
function firstOfEachDevice(requests: InstallationRequest[]): InstallationRequest[] {
  const devices = Map.groupBy(requests, ({ caller, question }) => JSON.stringify([caller.accountId, question.deviceId]))
  return [...devices.values()].flatMap((ofDevice) => ofDevice.slice(0, 1))
}

async function perform(db: Database, requests: InstallationRequest[]): Promise<Round> {
  const alone = requests.length === 1 ? requests[0] : undefined
  try {
    // written by one statement, which needs no transaction around it
    if (alone && !alone.key) return await decideAndWrite(db, [alone])
    return await inTransaction(db, (transaction) => performKeyed(transaction, requests))
  } catch (error) {
    if (!alone || !mayDecideAgain(error)) throw error
    // the license that stands in the way may have reached its end before the sweep came by
    if (isHeld(error)) await expireHeld(db, alone)
    return { outcomes: new Map([[alone, overtaken(alone, error)]]), hasChanged: false }
  }
}

/** Those whose key has an answer get it; the others are carried out, and what is answered is kept under their keys. */
async function performKeyed(transaction: DatabaseTransaction, requests: InstallationRequest[]): Promise<Round> {
  const verdicts = await claimKeys(
    transaction,
    requests.flatMap(({ key }) => key ?? []),
  )
  const known: Round['outcomes'] = new Map()
  for (const request of requests) {
    const verdict = request.key && verdicts.get(request.key)
    if (verdict?.kind === 'answered') known.set(request, { kind: 'done', result: verdict.answer })
    if (verdict?.kind === 'refused') known.set(request, { kind: 'failed', error: verdict.problem })
  }
  const open = requests.filter((request) => !known.has(request))
  const { outcomes, hasChanged } = await decideAndWrite(transaction, open)
  const answers = new Map<IdempotentRequest, Answer<unknown>>()
  for (const [{ key }, outcome] of outcomes) {
    const answer = key && answerOf(outcome, key)
    if (key && answer) answers.set(key, answer)
  }
  await keepAnswers(transaction, answers)
  return { outcomes: new Map([...known, ...outcomes]), hasChanged }
}

/** The answer to keep for a request that was carried out or refused; null where it may be sent again with the same key. */
function answerOf(outcome: RequestOutcome, key: IdempotentRequest): Answer<unknown> | null {
  if (outcome.kind === 'done') return outcome.result
  return outcome.kind === 'failed' ? refusalAnswer(outcome.error, key) : null
}

/** What happens between reading and writing: the last unit went to somebody else, the order ended, the same license was made. */
const overtakenBy = ['app_order_units', 'app_order_used_needs_confirmation', 'license_held_once']

function mayDecideAgain(error: unknown): boolean {
  return overtakenBy.includes(brokenConstraint(error)?.constraint ?? '') || isTransient(error)
}

const isHeld = (error: unknown): boolean => brokenConstraint(error)?.constraint === 'license_held_once'

async function expireHeld(db: Database, { caller, question }: InstallationRequest): Promise<void> {
  const overdue = { accountId: caller.accountId, appId: question.appId, deviceIds: [question.deviceId] }
  await inTransaction(db, (transaction) => expireOverdue(transaction, overdue))
}
