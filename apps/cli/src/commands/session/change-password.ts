import { session } from '@ocelli/sdk'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { findPlace } from './find-place.ts'
import { newPassword } from './new-password.ts'

/** By the present password, not by a token: a token that leaked must not lock its person out. */
export async function changePassword({ email }: { email?: string }, context: CommandContext): Promise<void> {
  const { clientOf, env, prompt, out } = context
  const { place } = await findPlace(context)
  const who = email ?? (await ownEmail(context))
  const currentPassword = env.OCELLI_PASSWORD || (await prompt?.secret(`Present password of ${who}`))
  if (!currentPassword) {
    throw new CliError(
      'not-signed-in',
      'The present password is needed: set OCELLI_PASSWORD. Nobody can be asked here.',
    )
  }
  const next = await newPassword(context)
  const person = await clientOf({ ...place, credentials: session(), profile: null })
  await person.auth.signIn({ email: who, password: currentPassword })
  try {
    await person.auth.changePassword({ currentPassword, newPassword: next })
  } finally {
    await person.auth.signOut()
  }
  out.done({ email: who, changed: true }, `The password of ${who} is changed. Other sessions have ended; tokens go on.`)
}

async function ownEmail({ client }: CommandContext): Promise<string> {
  const { user } = await (await client()).account.me()
  if (user) return user.email
  throw new CliError('not-signed-in', 'A technical user has no password. Name the person with --email.')
}
