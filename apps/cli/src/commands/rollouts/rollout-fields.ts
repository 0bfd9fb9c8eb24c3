import type { Rollout, RolloutCounters } from '@ocelli/sdk'
import type { Cell } from '../../output/table.ts'

export const rolloutFields = (rollout: Rollout): [string, Cell][] => [
  ['rollout', rollout.rolloutId],
  ['name', rollout.name],
  ['action', rollout.action],
  ['app', rollout.appId],
  ['version', rollout.version],
  ['state', rollout.state],
  ['why', rollout.reason?.detail],
  ['wave', `${rollout.wave} of ${rollout.waves.length}`],
  ['devices', countersText(rollout.counters)],
  ['rolls back', rollout.rollbackOf],
  ['rolled back by', rollout.rolledBackBy],
  ['made', rollout.createdAt],
  ['ended', rollout.endedAt],
]

const words: [keyof RolloutCounters, string][] = [
  ['pending', 'pending'],
  ['offline', 'offline'],
  ['inFlight', 'in flight'],
  ['succeeded', 'succeeded'],
  ['alreadyDone', 'already done'],
  ['failed', 'failed'],
  ['rejected', 'rejected'],
  ['timedOut', 'timed out'],
  ['skipped', 'skipped'],
  ['cancelled', 'cancelled'],
]

export function countersText(counters: RolloutCounters): string {
  const parts = words.filter(([name]) => counters[name] > 0).map(([name, word]) => `${counters[name]} ${word}`)
  return `${counters.total}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`
}

export const failedCount = ({ failed, rejected, timedOut }: RolloutCounters): number => failed + rejected + timedOut
