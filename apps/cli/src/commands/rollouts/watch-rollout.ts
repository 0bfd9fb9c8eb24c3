import type { Rollout } from '@ocelli/sdk'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { countersText, failedCount, rolloutFields } from './rollout-fields.ts'

/** With --json one object a line, whenever something has changed. */
export async function watchRollout(rolloutId: string, context: CommandContext): Promise<ExitCode> {
  const { out, progress } = context
  const { rollouts } = await context.client()
  const last = await progress.run(`Rollout ${rolloutId}`, async (tell) => {
    let seen: Rollout | null = null
    for await (const rollout of rollouts.watch(rolloutId)) {
      seen = rollout
      if (out.isJson) out.line(rollout, '')
      tell(`${rollout.state}, wave ${rollout.wave}, ${countersText(rollout.counters)}`)
    }
    return seen
  })
  if (!last) throw new CliError('not-found', 'The rollout told nothing of itself. See: ocelli rollout show')
  if (!out.isJson) out.one(last, rolloutFields(last))
  if (last.rolledBackBy) context.say(`It is rolled back by another rollout: ocelli rollout watch ${last.rolledBackBy}`)
  return last.state === 'ABORTED' || failedCount(last.counters) > 0 ? exitCodes.someFailed : exitCodes.ok
}
