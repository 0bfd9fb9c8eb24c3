import type { Attempt, Change } from './carry-out.ts'
import { createUnitDealer, type UnitDealer } from './deal-units.ts'
import type { InstallationRequest } from './installation-request.ts'
import { judgeRequest } from './judge-request.ts'
import type { AnsweredSituation } from './situation.ts'

/** What is to be done about a request of a batch. */
export type Plan =
  | { kind: 'refuse'; error: unknown }
  | { kind: 'show'; status: 200 | 202 }
  | { kind: 'cancel'; attempt: Attempt }
  | { kind: 'write'; change: Change }
  /** No order line has a free unit for it. */
  | { kind: 'refuse-unit' }
  /** All that was free is dealt to others of the batch: it is decided on what they leave. */
  | { kind: 'wait' }

/**
 * Judges each request in its situation, and deals the free units in the requests' order. Nobody is refused a unit that
 * another of the batch, being overtaken, might leave. Pure.
 */
export function planWrites(situations: Map<InstallationRequest, AnsweredSituation>): Map<InstallationRequest, Plan> {
  const deal = createUnitDealer()
  return new Map(situations.entries().map(([request, situation]) => [request, plan(request, situation, deal)]))
}

function plan(request: InstallationRequest, situation: AnsweredSituation, deal: UnitDealer): Plan {
  const judgement = judgeRequest(request, situation)
  switch (judgement.kind) {
    case 'refused':
      return { kind: 'refuse', error: judgement.error }
    case 'unchanged':
      return { kind: 'show', status: judgement.status }
    case 'cancel':
      return judgement
    case 'change': {
      const { attempt, decision, queued, reserves: licenseType } = judgement
      if (!licenseType) return { kind: 'write', change: { ...attempt, decision, queued, unit: null } }
      if (situation.openLines.length === 0) return { kind: 'refuse-unit' }
      const orderId = deal(situation.openLines)
      if (!orderId) return { kind: 'wait' }
      return { kind: 'write', change: { ...attempt, decision, queued, unit: { orderId, licenseType } } }
    }
  }
}
