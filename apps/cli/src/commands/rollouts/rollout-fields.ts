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
  ['takes in more', rollout.devices.keepOpen ? 'yes, until: ocelli rollout close' : 'no'],
  ['approved', approvalText(rollout)],
  ['not before', rollout.schedule.startAt],
  ['window', rollout.schedule.window && windowText(rollout.schedule.window)],
  ['deadline', rollout.schedule.deadlineAt],
  ['rolls back', rollout.rollbackOf],
  ['rolled back by', rollout.rolledBackBy],
  ['made', rollout.createdAt],
  ['ended', rollout.endedAt],
]

function approvalText({ requireApproval, approvedBy }: Rollout): string | null {
  if (!requireApproval) return null
  return approvedBy ? `by ${approvedBy.id}` : 'not yet: a second person does it with ocelli rollout approve'
}

const windowText = ({ days, from, to }: NonNullable<Rollout['schedule']['window']>): string =>
  `${from}-${to}${days ? ` ${days.join(',')}` : ''}, by each site's own clock`

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
