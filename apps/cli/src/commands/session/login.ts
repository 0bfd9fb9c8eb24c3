import type { Client } from '@ocelli/sdk'
import { session } from '@ocelli/sdk'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { toCredentials } from '../../profile/connection.ts'
import type { StoredCredentials } from '../../profile/profile-store.ts'
import { withDeviceCode } from './device-code.ts'
import { findPlace, type Place } from './find-place.ts'

export interface LoginFlags {
  email?: string
  token?: boolean
  clientId?: string
  browser: boolean
}

/** An address that was mistyped is told soon; nothing is lost by asking again. */
const firstContact = { maxAttempts: 2 }

export async function login(flags: LoginFlags, context: CommandContext): Promise<void> {
  const { profiles: store, out } = context
  const { name, place } = await findPlace(context)
  const credentials = await getCredentials(flags, place, context)
  const client = await context.clientOf(
    { ...place, credentials: toCredentials(credentials), profile: name },
    firstContact,
  )
  const me = await client.account.me()
  await store.change(({ profiles }) => ({
    current: name,
    profiles: { ...profiles, [name]: { ...place, credentials } },
  }))
  const who = me.user?.email ?? me.id
  out.done(
    { profile: name, url: place.url, ...me },
    `Signed in to ${place.url} as ${who} of ${me.account.name}. The profile is ${name}, kept in ${store.path}.`,
  )
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
  const nobody = await context.clientOf({ ...place, credentials: { kind: 'none' }, profile: null }, firstContact)
  return await withDeviceCode(nobody, flags, context)
}

async function asTechnicalUser(clientId: string, context: CommandContext): Promise<StoredCredentials> {
  const given = context.env.OCELLI_CLIENT_SECRET || undefined
  const clientSecret = given ?? (await ask(context, `Secret of ${clientId}`, 'OCELLI_CLIENT_SECRET'))
  return { kind: 'client-credentials', clientId, clientSecret }
}

/** Signs in, makes a token for this machine and signs out: the password is kept nowhere. */
async function withPassword(email: string, place: Place, context: CommandContext): Promise<StoredCredentials> {
  const password = context.env.OCELLI_PASSWORD || (await ask(context, `Password of ${email}`, 'OCELLI_PASSWORD'))
  const person = await context.clientOf({ ...place, credentials: session(), profile: null }, firstContact)
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
