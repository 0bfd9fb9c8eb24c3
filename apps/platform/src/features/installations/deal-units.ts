import type { OpenLine } from '../licenses/pick-order.ts'

/** Gives the order to take a unit from, null when those before have been dealt everything. */
export type UnitDealer = (lines: OpenLine[]) => string | null

/** Deals the free units of order lines, all read by one statement, to requests in their order: each unit once. */
export function createUnitDealer(): UnitDealer {
  const dealt = new Map<string, number>()
  return (lines) => {
    const line = lines.find(({ orderId, free }) => (dealt.get(orderId) ?? 0) < free)
    if (!line) return null
    dealt.set(line.orderId, (dealt.get(line.orderId) ?? 0) + 1)
    return line.orderId
  }
}
