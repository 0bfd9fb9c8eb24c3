import { isOcelliError } from '@ocelli/sdk'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { toCredentials } from '../../profile/connection.ts'
import { checkProfileName } from '../../profile/profile-store.ts'

export async function logout({ flags, env, profiles: store, clientOf, say, out }: CommandContext): Promise<void> {
  const { current, profiles } = await store.read()
  const name = checkProfileName(flags.profile ?? (env.OCELLI_PROFILE || current))
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (!profile) throw new CliError('not-found', `There is no profile ${name}. See: ocelli profiles list`)
  const { url, ca, credentials } = profile
  if (credentials.kind === 'token' && credentials.tokenId !== null) {
    try {
      const client = await clientOf({ url, ca, credentials: toCredentials(credentials), profile: name })
      await client.accessTokens.revoke(credentials.tokenId)
    } catch (error) {
      if (!isOcelliError(error)) throw error
      const isGone = error.kind === 'unauthenticated' || error.kind === 'not-found'
      if (!isGone) say(`The token could not be revoked at ${url}: ${error.message} Revoke it there later.`)
    }
  }
  await store.change((all) => {
    const left = Object.fromEntries(Object.entries(all.profiles).filter(([key]) => key !== name))
    return { current: all.current === name ? (Object.keys(left)[0] ?? all.current) : all.current, profiles: left }
  })
  out.done({ profile: name, url }, `Signed out of ${url}; the profile ${name} is forgotten.`)
}
