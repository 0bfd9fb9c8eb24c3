import type { Rollout } from '@ocelli/sdk'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { plainText } from '../../output/plain-text.ts'
import { countersText, failedCount, rolloutFields } from './rollout-fields.ts'

/** With --json one object a line, whenever something has changed. */
export async function watchRollout(rolloutId: string, context: CommandContext): Promise<ExitCode> {
  const { out, progress, say } = context
  const { rollouts } = await context.client()
  let last: Rollout | null = null
  const follow = async (tell: (text: string) => void) => {
    for await (const rollout of rollouts.watch(rolloutId)) {
      last = rollout
      if (out.isJson) out.line(rollout, '')
      const why = rollout.state === 'PAUSED' && rollout.reason ? `. ${rollout.reason.detail}` : ''
      tell(plainText(`${rollout.state}, wave ${rollout.wave}, ${countersText(rollout.counters)}${why}`))
    }
    return last as Rollout | null
  }
  const seen = await progress.run(`Rollout ${rolloutId}`, follow).catch((error: unknown) => {
    if (last) say(`The rollout goes on at the platform. Look again with: ocelli rollout watch ${rolloutId}`)
    throw error
  })
  if (!seen) throw new CliError('not-found', 'The rollout told nothing of itself. See: ocelli rollout show')
  if (!out.isJson) out.one(seen, rolloutFields(seen))
  if (seen.rolledBackBy) say(`It is rolled back by another rollout: ocelli rollout watch ${seen.rolledBackBy}`)
  return seen.state === 'ABORTED' || failedCount(seen.counters) > 0 ? exitCodes.someFailed : exitCodes.ok
}
