import type { Database } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { refuseOrder } from '../licenses/pick-order.ts'
import { type Change, carryOutCancel, carryOutChanges } from './carry-out.ts'
import type { InstallationRequest, RequestOutcome } from './installation-request.ts'
import { viewInstallations } from './installation-view.ts'
import { type Plan, planWrites } from './plan-writes.ts'
import { readSituations } from './situation.ts'

/** What has become of a batch's requests. */
export interface Round {
  outcomes: Map<InstallationRequest, RequestOutcome>
  hasChanged: boolean
}

const maxOvertaken = 5

/** One statement reads all that decides, the rules decide on each request alone, one statement writes; each on its own device. */
export async function decideAndWrite(db: Database, requests: InstallationRequest[]): Promise<Round> {
  const plans = planWrites(await readSituations(db, requests))
  const written = await carryOutChanges(db, changesOf(plans))
  const outcomes: Round['outcomes'] = new Map()
  const shown = new Map<InstallationRequest, 200 | 202>()
  let hasChanged = written.size > 0
  for (const [request, plan] of plans) {
    switch (plan.kind) {
      case 'write': {
        const body = written.get(request)
        outcomes.set(request, body ? { kind: 'done', result: { status: 202, body } } : overtaken(request))
        break
      }
      case 'cancel': {
        const isBack = await carryOutCancel(db, plan.attempt)
        if (isBack) shown.set(request, 200)
        else outcomes.set(request, overtaken(request))
        hasChanged ||= isBack
        break
      }
      case 'show':
        shown.set(request, plan.status)
        break
      case 'refuse':
        outcomes.set(request, { kind: 'failed', error: plan.error })
        break
      case 'refuse-unit':
        outcomes.set(request, { kind: 'failed', error: await whyNoUnit(db, request) })
        break
      case 'wait':
        outcomes.set(request, { kind: 'again', item: request })
    }
  }
  for (const [request, body] of await viewInstallations(db, pairsOf(shown.keys()))) {
    outcomes.set(request, { kind: 'done', result: { status: shown.get(request) ?? 200, body } })
  }
  return { outcomes, hasChanged }
}

/** To be decided anew, not for ever. */
export function overtaken(request: InstallationRequest, cause?: unknown): RequestOutcome {
  const times = request.overtaken + 1
  if (times < maxOvertaken) return { kind: 'again', item: { ...request, overtaken: times } }
  const detail = 'This device is being changed by too many requests at once. Try again.'
  return { kind: 'failed', error: new ProblemError('unavailable', detail, { retryAfterSeconds: 1, cause }) }
}

function changesOf(plans: Map<InstallationRequest, Plan>): Map<InstallationRequest, Change> {
  const changes = new Map<InstallationRequest, Change>()
  for (const [request, plan] of plans) if (plan.kind === 'write') changes.set(request, plan.change)
  return changes
}

const pairsOf = (requests: Iterator<InstallationRequest>) =>
  new Map(
    Iterator.from(requests).map((request) => [request, { ...request.question, accountId: request.caller.accountId }]),
  )

async function whyNoUnit(
  db: Database,
  { caller, question: { appId, unit } }: InstallationRequest,
): Promise<ProblemError> {
  if (!unit) throw new Error('Only who asks for a unit can be without one.')
  try {
    return await refuseOrder(db, { accountId: caller.accountId, appId, ...unit })
  } catch (error) {
    if (error instanceof ProblemError) return error
    throw error
  }
}
