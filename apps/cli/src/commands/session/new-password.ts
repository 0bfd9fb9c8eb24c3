import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'

/** From the environment, or typed twice. */
export async function newPassword({ env, prompt }: CommandContext): Promise<string> {
  if (env.OCELLI_NEW_PASSWORD) return env.OCELLI_NEW_PASSWORD
  if (!prompt) {
    throw new CliError('not-signed-in', 'A new password is needed: set OCELLI_NEW_PASSWORD. Nobody can be asked here.')
  }
  const password = await prompt.secret('New password (8 to 128 characters)')
  if ((await prompt.secret('The same again')) !== password)
    throw wrongUsage('The two are not the same. Nothing was changed.')
  return password
}
