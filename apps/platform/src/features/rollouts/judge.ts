import type { RolloutAbortRule, RolloutCounters, RolloutStrategy } from '@ocelli/contract'

export interface Course {
  waves: RolloutCounters[]
  /** The wave at work, from 0. */
  wave: number
  waveEndedAtMs: number | null
  /** A person let this wave pass. */
  gatePassed: boolean
  keepOpen: boolean
  strategy: RolloutStrategy
  nowMs: number
}

export type Verdict =
  | { kind: 'go-on' }
  | { kind: 'abort'; detail: string }
  | { kind: 'hold'; detail: string }
  | { kind: 'wave-ended' }
  | { kind: 'next-wave' }
  | { kind: 'complete' }

const defaultSuccessPercent = 100

/** What becomes of a running rollout, by its counters. Pure. */
export function judge(course: Course): Verdict {
  const { waves, wave, strategy } = course
  const all = sumCounters(waves)
  const broken = (strategy.abort ?? []).find((rule) => holds(rule, all))
  if (broken) return { kind: 'abort', detail: sentence(broken, all) }
  const isLast = wave >= waves.length - 1
  if (isLast)
    return all.pending + all.offline + all.inFlight === 0 && !course.keepOpen ? { kind: 'complete' } : { kind: 'go-on' }
  const reached = sumCounters(waves.slice(0, wave + 1))
  if (reached.pending + reached.inFlight > 0) return { kind: 'go-on' }
  return judgeGate(course)
}

function judgeGate({ waves, wave, waveEndedAtMs, gatePassed, strategy, nowMs }: Course): Verdict {
  const counters = waves[wave]
  const gate = strategy.waves?.[wave]
  if (!counters) throw new Error('A rollout is in a wave that it does not have.')
  if (waveEndedAtMs !== null) {
    const isOver = nowMs >= waveEndedAtMs + (gate?.waitMinutes ?? 0) * 60_000
    return { kind: isOver ? 'next-wave' : 'go-on' }
  }
  const wanted = gate?.minSuccessPercent ?? defaultSuccessPercent
  if (gatePassed || wanted === 0) return { kind: 'wave-ended' }
  const ended = endedOf(counters)
  // nothing is known yet of a wave whose devices are all away
  if (ended === 0) return { kind: counters.offline > 0 ? 'go-on' : 'wave-ended' }
  const share = (100 * (counters.succeeded + counters.alreadyDone)) / ended
  if (share >= wanted) return { kind: 'wave-ended' }
  const detail = `Wave ${wave + 1} ended with ${share.toFixed(1)} % success and needs ${wanted} %. Look at its failed devices, then retry them, resume, or abort.`
  return { kind: 'hold', detail }
}

/** Devices that had a result; skipped and cancelled ones had none. */
export function endedOf({ succeeded, alreadyDone, failed, rejected, timedOut }: RolloutCounters): number {
  return succeeded + alreadyDone + failed + rejected + timedOut
}

function troubled({ on }: RolloutAbortRule, { failed, rejected, timedOut }: RolloutCounters): number {
  switch (on) {
    case 'FAILED':
      return failed
    case 'REJECTED':
      return rejected
    case 'TIMED_OUT':
      return timedOut
    case 'ALL':
      return failed + rejected + timedOut
  }
}

function holds(rule: RolloutAbortRule, all: RolloutCounters): boolean {
  const bad = troubled(rule, all)
  if (bad === 0) return false
  if (rule.count != null) return bad >= rule.count
  const ended = endedOf(all)
  return ended >= (rule.minDevices ?? 1) && (100 * bad) / ended >= (rule.percent ?? 100)
}

function sentence(rule: RolloutAbortRule, all: RolloutCounters): string {
  const limit = rule.count != null ? `${rule.count} devices` : `${rule.percent} %`
  return `${troubled(rule, all)} of ${endedOf(all)} ended devices are ${rule.on === 'ALL' ? 'not successful' : rule.on}; the rule allows less than ${limit}.`
}

export const noCounters: RolloutCounters = {
  total: 0,
  pending: 0,
  offline: 0,
  inFlight: 0,
  succeeded: 0,
  alreadyDone: 0,
  failed: 0,
  rejected: 0,
  timedOut: 0,
  skipped: 0,
  cancelled: 0,
}

export function sumCounters(waves: RolloutCounters[]): RolloutCounters {
  const sum = { ...noCounters }
  for (const wave of waves) {
    for (const key of Object.keys(sum) as (keyof RolloutCounters)[]) sum[key] += wave[key]
  }
  return sum
}

/** Devices per minute that the rate allows now; null: no limit. */
export function rateNow({ rate }: RolloutStrategy, succeeded: number): number | null {
  if (!rate) return null
  if (!rate.exponential) return rate.maximumPerMinute
  const { baseRatePerMinute, incrementFactor, everySucceeded } = rate.exponential
  const steps = Math.min(100, Math.floor(succeeded / everySucceeded))
  return Math.min(rate.maximumPerMinute, baseRatePerMinute * incrementFactor ** steps)
}
