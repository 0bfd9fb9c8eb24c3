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

/**
 * Chooses, in this order: the profile that `--profile` names; credentials of the environment; the profile that
 * OCELLI_PROFILE names; the current profile. Secrets of a profile are sent to its own platform only.
 */
export async function resolveConnection(
  flags: ConnectionFlags,
  { env, profiles }: Pick<Io, 'env'> & { profiles: ProfileStore },
): Promise<Connection> {
  const url = flags.url ?? (env.OCELLI_URL || undefined)
  const ca = flags.ca ?? (env.OCELLI_CA || undefined)
  const fromEnvironment = flags.profile === undefined ? environmentCredentials(env) : null
  if (fromEnvironment) {
    if (!url)
      throw wrongUsage('OCELLI_URL is missing: it says which platform the credentials of the environment are for.')
    return { url: toPlatformUrl(url), ca: ca ?? null, credentials: fromEnvironment, profile: null }
  }
  const { name, profile } = await findProfile(flags.profile ?? (env.OCELLI_PROFILE || undefined), profiles)
  const asked = flags.url ?? (flags.profile === undefined ? url : undefined)
  if (asked !== undefined && toPlatformUrl(asked) !== profile.url) {
    throw new CliError(
      'not-signed-in',
      `The profile ${name} is of ${profile.url}. Sign in to the other platform with: ocelli login --url ${asked} --profile <name>`,
    )
  }
  return { url: profile.url, ca: ca ?? profile.ca, credentials: toCredentials(profile.credentials), profile: name }
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

function environmentCredentials(env: Io['env']): Credentials | null {
  const { OCELLI_TOKEN: token, OCELLI_CLIENT_ID: clientId, OCELLI_CLIENT_SECRET: clientSecret } = env
  if (token) return personalAccessToken(token.trim())
  if (!clientId && !clientSecret) return null
  if (!clientId || !clientSecret) throw wrongUsage('Set both OCELLI_CLIENT_ID and OCELLI_CLIENT_SECRET, or neither.')
  return clientCredentials(clientId, clientSecret)
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
