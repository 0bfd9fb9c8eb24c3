/** A gateway of a site, as the platform knows it when it divides the site's budget. */
export interface Sharer {
  gatewayId: string
  /** Connected and at work in this site. One that is not gets nothing, and still holds what it had for a while. */
  isServing: boolean
  /** Says which share it keeps to. Of others every word counts as taken at once, and they know no share of nothing. */
  confirms: boolean
  /** Devices at work and waiting, as it said last. */
  wants: number
  /** What it was told last. */
  share: number
  /** What it may still be using; never less than its share. */
  held: number
  /** Since it has a place at all, or none. */
  sinceSeconds: number
}

export interface Division {
  share: number
  held: number
}

/** In turns of so long the gateways of a site have its places, where there are fewer places than gateways with work. */
export const turnSeconds = 20

/**
 * The new shares of a site's gateways. What one loses another gets only when the first has said that it keeps to less:
 * the sum of what is held never grows beyond the budget, whichever messages are lost, doubled or late. Pure.
 */
export function divideBudget(budget: number, sharers: readonly Sharer[]): Map<string, Division> {
  const targets = targetsOf(budget, sharers)
  const keeps = sharers.map((sharer) => {
    const isTaken = sharer.isServing && !sharer.confirms
    const target = Math.max(targets.get(sharer.gatewayId) ?? 0, isTaken ? 1 : 0)
    const share = Math.min(target, sharer.held)
    return { sharer, target, share, held: isTaken ? share : sharer.held }
  })
  let free = budget - keeps.reduce((sum, { held }) => sum + held, 0)
  const divided = new Map<string, Division>()
  for (const { sharer, target, share, held } of keeps.toSorted((a, b) => need(b.sharer) - need(a.sharer))) {
    const raised = share + Math.min(target - share, Math.max(0, free))
    const more = Math.max(raised, sharer.isServing && !sharer.confirms ? 1 : 0)
    free -= Math.max(0, more - held)
    divided.set(sharer.gatewayId, { share: more, held: Math.max(held, more) })
  }
  return divided
}

/** Who has work and no place is given first what is free. */
const need = ({ wants, share }: Sharer): number => (wants > 0 && share === 0 ? 1 : 0)

/** What each should have, were it free: at least one each where the budget has so many, more for those with more work. */
function targetsOf(budget: number, sharers: readonly Sharer[]): Map<string, number> {
  const serving = sharers.filter(({ isServing }) => isServing)
  if (isWellDivided(budget, serving)) return new Map(serving.map(({ gatewayId, share }) => [gatewayId, share]))
  if (budget < serving.length)
    return new Map(inTurn(serving).map(({ gatewayId }, at) => [gatewayId, at < budget ? 1 : 0]))
  const targets = new Map(serving.map(({ gatewayId }) => [gatewayId, 1]))
  let left = budget - serving.length
  const handOut = (isIn: (sharer: Sharer, has: number) => boolean) => {
    for (let before = -1; left > 0 && before !== left; ) {
      before = left
      for (const sharer of serving) {
        const has = targets.get(sharer.gatewayId) ?? 0
        if (left === 0 || !isIn(sharer, has)) continue
        targets.set(sharer.gatewayId, has + 1)
        left -= 1
      }
    }
  }
  handOut(({ wants }, has) => has < wants)
  handOut(() => true)
  return targets
}

/** Nothing is left over, and nobody with work goes short: shares that change often would keep everybody asking. */
function isWellDivided(budget: number, serving: readonly Sharer[]): boolean {
  const sum = serving.reduce((total, { share }) => total + share, 0)
  const isShort = ({ share, wants, confirms }: Sharer) =>
    wants > share || (share === 0 && (budget >= serving.length || !confirms))
  return sum === budget && !serving.some(isShort)
}

/** First those whose turn it is, then those with work that wait longest, then those whose turn is over. */
function inTurn(serving: readonly Sharer[]): Sharer[] {
  const rank = ({ wants, share, sinceSeconds }: Sharer): number => {
    if (wants === 0) return share > 0 ? 3 : 4
    if (share === 0) return 1
    return sinceSeconds < turnSeconds ? 0 : 2
  }
  const isOver = (sharer: Sharer) => rank(sharer) === 2
  return serving.toSorted(
    (a, b) => rank(a) - rank(b) || (isOver(a) ? a.sinceSeconds - b.sinceSeconds : b.sinceSeconds - a.sinceSeconds),
  )
}

/**
 * For how long a gateway that is away may still be at work: the longest step that it gives itself time for (UPLOAD in
 * docs/gateway-states.md), in seconds. `packageSize` in bytes; a limited line to the cameras is shared by `share` uploads.
 */
export function mayGoOnSeconds(
  packageSize: number,
  { share, uploadBytesPerSecond }: { share: number; uploadBytesPerSecond: number | null },
): number {
  const limited = uploadBytesPerSecond === null ? 0 : (2 * packageSize * Math.max(1, share)) / uploadBytesPerSecond
  return 600 + packageSize / 65_536 + limited
}
