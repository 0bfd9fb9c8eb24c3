import type { Client } from '@ocelli/sdk'
import { session } from '@ocelli/sdk'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { toCredentials, toPlatformUrl } from '../../profile/connection.ts'
import { checkProfileName, defaultProfile, type StoredCredentials } from '../../profile/profile-store.ts'
import { findTrustedCa } from '../../profile/trusted-ca.ts'
import { withDeviceCode } from './device-code.ts'

export interface LoginFlags {
  email?: string
  token?: boolean
  clientId?: string
}

interface Place {
  url: string
  /** PEM */
  ca: string | null
}

export async function login(flags: LoginFlags, context: CommandContext): Promise<void> {
  const { profiles: store, say, out } = context
  const name = checkProfileName(context.flags.profile ?? (context.env.OCELLI_PROFILE || defaultProfile))
  const place = await findPlace(name, context)
  const credentials = await getCredentials(flags, place, context)
  const client = await context.clientOf({ ...place, credentials: toCredentials(credentials), profile: name })
  const me = await client.account.me()
  await store.change(({ profiles }) => ({
    current: name,
    profiles: { ...profiles, [name]: { ...place, credentials } },
  }))
  const who = me.user?.email ?? me.id
  if (out.isJson) out.one({ profile: name, url: place.url, ...me }, [])
  else say(`Signed in to ${place.url} as ${who} of ${me.account.name}. The profile is ${name}, kept in ${store.path}.`)
}

/** Where to: as asked, or again where this profile was before. A CA that is named by its fingerprint is kept as a whole. */
async function findPlace(name: string, { flags, env, cwd, profiles, signal }: CommandContext): Promise<Place> {
  const known = (await profiles.read()).profiles[name]
  const asked = flags.url ?? (env.OCELLI_URL || known?.url)
  if (!asked) throw wrongUsage('Say where to sign in: ocelli login --url https://ocelli.example.com')
  const url = toPlatformUrl(asked)
  const ca = flags.ca ?? (env.OCELLI_CA || (known?.url === url ? known.ca : null))
  return { url, ca: ca ? await findTrustedCa(ca, { url, cwd, signal }) : null }
}

async function getCredentials(flags: LoginFlags, place: Place, context: CommandContext): Promise<StoredCredentials> {
  const { env } = context
  const ways = [flags.email, flags.token, flags.clientId].filter((way) => way !== undefined)
  if (ways.length > 1) throw wrongUsage('Choose one of --email, --token and --client-id.')
  const clientId = flags.clientId ?? (ways.length === 0 ? env.OCELLI_CLIENT_ID || undefined : undefined)
  if (clientId !== undefined) return await asTechnicalUser(clientId, context)
  if (flags.token || (ways.length === 0 && env.OCELLI_TOKEN)) {
    const token = env.OCELLI_TOKEN || (await ask(context, 'Personal access token', 'OCELLI_TOKEN'))
    return { kind: 'token', token: token.trim(), tokenId: null }
  }
  if (flags.email !== undefined) return await withPassword(flags.email, place, context)
  const nobody = await context.clientOf({ ...place, credentials: { kind: 'none' }, profile: null })
  return await withDeviceCode(nobody, context)
}

async function asTechnicalUser(clientId: string, context: CommandContext): Promise<StoredCredentials> {
  const given = context.env.OCELLI_CLIENT_SECRET || undefined
  const clientSecret = given ?? (await ask(context, `Secret of ${clientId}`, 'OCELLI_CLIENT_SECRET'))
  return { kind: 'client-credentials', clientId, clientSecret }
}

/** Signs in, makes a token for this machine and signs out: the password is kept nowhere. */
async function withPassword(email: string, place: Place, context: CommandContext): Promise<StoredCredentials> {
  const password = context.env.OCELLI_PASSWORD || (await ask(context, `Password of ${email}`, 'OCELLI_PASSWORD'))
  const person = await context.clientOf({ ...place, credentials: session(), profile: null })
  await person.auth.signIn({ email, password })
  try {
    return await makeToken(person, context.hostName)
  } finally {
    await person.auth.signOut()
  }
}

async function makeToken(person: Client, hostName: string): Promise<StoredCredentials> {
  const { token, tokenId } = await person.accessTokens.create({ name: `ocelli on ${hostName}`.slice(0, 200) })
  return { kind: 'token', token, tokenId }
}

async function ask({ prompt }: CommandContext, question: string, variable: string): Promise<string> {
  if (!prompt) throw new CliError('not-signed-in', `${question} is needed: set ${variable}. Nobody can be asked here.`)
  return await prompt.secret(question)
}
