import type { CommandContext } from '../../command-context.ts'
import { rolloutFields } from './rollout-fields.ts'

export async function changeRollout(
  change: 'pause' | 'resume' | 'abort' | 'rollback' | 'approve' | 'close',
  rolloutId: string,
  { client, confirm, out }: CommandContext,
): Promise<void> {
  if (change === 'abort') await confirm(`Abort the rollout ${rolloutId}? It cannot go on after that.`)
  if (change === 'rollback')
    await confirm(`Set back what the rollout ${rolloutId} has changed? A dry run told which cameras lose data.`)
  const rollout = await (await client()).rollouts[change](rolloutId)
  out.one(rollout, rolloutFields(rollout))
}

export async function retryRollout(
  rolloutId: string,
  { state }: { state?: 'FAILED' | 'REJECTED' | 'TIMED_OUT' },
  { client, out }: CommandContext,
): Promise<void> {
  const rollout = await (await client()).rollouts.retry(rolloutId, { state })
  out.one(rollout, rolloutFields(rollout))
}
