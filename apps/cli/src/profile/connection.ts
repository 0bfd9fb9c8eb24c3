import { type Credentials, clientCredentials, personalAccessToken } from '@ocelli/sdk'
import { CliError, wrongUsage } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { checkProfileName, type Profile, type ProfileStore, type StoredCredentials } from './profile-store.ts'

export interface ConnectionFlags {
  profile?: string
  url?: string
  ca?: string
}

/** Where to, and as whom. */
export interface Connection {
  url: string
  /** A CA's PEM, its file or its fingerprint; null: one that this machine trusts anyway. */
  ca: string | null
  credentials: Credentials
  /** Null: from the environment. */
  profile: string | null
}

/** Which platform and identity, and what else a person should hear of that choice. */
export interface Choice {
  connection: Connection
  notes: string[]
}

/**
 * Chooses, in this order: the profile that `--profile` names; credentials of the environment, where it also says for which
 * platform; the profile that OCELLI_PROFILE names; the current profile. Secrets of a profile are sent to its own platform
 * only, and those of the environment to the one that is named beside them. Throws `wrong-usage`, `not-signed-in`.
 *
 * | credentials in the environment | address there or in --url | a profile | chosen |
 * | --- | --- | --- | --- |
 * | whole | yes | - | the environment |
 * | whole or in part | no, or in part only | yes | the profile, and a note |
 * | whole or in part | no, or in part only | no | nothing: what is missing is named |
 * | none | - | yes | the profile |
 */
export async function resolveConnection(
  flags: ConnectionFlags,
  { env, profiles }: Pick<Io, 'env'> & { profiles: ProfileStore },
): Promise<Choice> {
  const url = flags.url ?? (env.OCELLI_URL || undefined)
  const ca = flags.ca ?? (env.OCELLI_CA || undefined)
  const given = flags.profile === undefined ? environmentCredentials(env) : null
  if (given?.credentials && url !== undefined) {
    const { credentials } = given
    return { connection: { url: toPlatformUrl(url), ca: ca ?? null, credentials, profile: null }, notes: [] }
  }
  const missing = [...(given?.missing ?? []), ...(url === undefined ? ['OCELLI_URL'] : [])].join(' and ')
  const asked = flags.profile ?? (env.OCELLI_PROFILE || undefined)
  if (given && !(await hasProfile(asked, profiles))) {
    throw wrongUsage(`${given.names.join(', ')} in the environment is not enough to sign in: set ${missing} too.`)
  }
  const { name, profile } = await findProfile(asked, profiles)
  const place = flags.url ?? (flags.profile === undefined ? url : undefined)
  if (place !== undefined && toPlatformUrl(place) !== profile.url) {
    throw new CliError(
      'not-signed-in',
      `The profile ${name} is of ${profile.url}. Sign in to the other platform with: ocelli login --url ${place} --profile <name>`,
    )
  }
  const connection = {
    ...{ url: profile.url, ca: ca ?? profile.ca, credentials: toCredentials(profile.credentials), profile: name },
  }
  // a secret alone names nobody: it is left over from `ocelli login --client-id`
  const isMeant = given !== null && !given.missing.includes('OCELLI_CLIENT_ID')
  const note = `${given?.names.join(', ')} in the environment is not used without ${missing}. Using the profile ${name}.`
  return { connection, notes: isMeant ? [note] : [] }
}

async function hasProfile(asked: string | undefined, store: ProfileStore): Promise<boolean> {
  const { current, profiles } = await store.read()
  return Object.hasOwn(profiles, checkProfileName(asked ?? current))
}

async function findProfile(
  asked: string | undefined,
  store: ProfileStore,
): Promise<{ name: string; profile: Profile }> {
  const { current, profiles } = await store.read()
  const name = checkProfileName(asked ?? current)
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined
  if (profile) return { name, profile }
  const known = Object.keys(profiles)
  const hint = known.length > 0 ? ` There are: ${known.join(', ')}.` : ''
  throw new CliError(
    'not-signed-in',
    `You are not signed in${asked === undefined ? '' : ` as ${name}`}.${hint} Sign in with: ocelli login --url https://...`,
  )
}

interface EnvironmentCredentials {
  /** Variables that are set. */
  names: string[]
  /** Null: not all of them are. */
  credentials: Credentials | null
  missing: string[]
}

function environmentCredentials(env: Io['env']): EnvironmentCredentials | null {
  const { OCELLI_TOKEN: token, OCELLI_CLIENT_ID: clientId, OCELLI_CLIENT_SECRET: clientSecret } = env
  if (token) return { names: ['OCELLI_TOKEN'], credentials: personalAccessToken(token.trim()), missing: [] }
  if (clientId && clientSecret) {
    const names = ['OCELLI_CLIENT_ID', 'OCELLI_CLIENT_SECRET']
    return { names, credentials: clientCredentials(clientId, clientSecret), missing: [] }
  }
  if (clientId) return { names: ['OCELLI_CLIENT_ID'], credentials: null, missing: ['OCELLI_CLIENT_SECRET'] }
  if (clientSecret) return { names: ['OCELLI_CLIENT_SECRET'], credentials: null, missing: ['OCELLI_CLIENT_ID'] }
  return null
}

export function toCredentials(stored: StoredCredentials): Credentials {
  return stored.kind === 'token'
    ? personalAccessToken(stored.token)
    : clientCredentials(stored.clientId, stored.clientSecret)
}

/** Without the slash at the end. Throws `wrong-usage`. */
export function toPlatformUrl(given: string): string {
  const text = given.includes('://') ? given : `https://${given}`
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username) {
    throw wrongUsage(`"${given}" is not the address of a platform, such as https://ocelli.example.com.`)
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

/** Whether what is sent to this address can be read on the way. */
export function isInTheClear(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return protocol === 'http:' && host !== 'localhost' && host !== '::1' && !/^127(\.\d{1,3}){3}$/.test(host)
}
