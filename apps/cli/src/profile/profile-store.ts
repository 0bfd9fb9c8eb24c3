import { join } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { changePrivateFile } from './change-private-file.ts'
import { isReadableByOthers, readTextFile } from './private-file.ts'

/** What a profile signs in with. */
export type StoredCredentials =
  | { kind: 'token'; token: string; tokenId: string | null }
  | { kind: 'client-credentials'; clientId: string; clientSecret: string }

/** A platform, and who one is there. */
export interface Profile {
  url: string
  /** The platform's own CA, PEM; null: a CA that this machine trusts anyway. */
  ca: string | null
  credentials: StoredCredentials
}

export interface Profiles {
  current: string
  profiles: Record<string, Profile>
}

export interface ProfileStore {
  /** The file, for messages. */
  readonly path: string
  /** Throws `file-failed` for a file that is not ours. */
  read(): Promise<Profiles>
  /** Reads, changes and writes, one command at a time. */
  change(change: (profiles: Profiles) => Profiles): Promise<void>
  isReadableByOthers(): Promise<boolean>
}

export const defaultProfile = 'default'

export function createProfileStore(io: Pick<Io, 'configFolder' | 'platform' | 'clock' | 'signal'>): ProfileStore {
  const { configFolder, platform } = io
  const path = join(configFolder, 'profiles.json')
  const parse = (text: string | null) =>
    text === null ? { current: defaultProfile, profiles: {} } : parseProfiles(text, path)
  return {
    path,
    read: async () => parse(await readTextFile(path)),
    async change(change) {
      await changePrivateFile(path, io, (text) => {
        const { current, profiles } = change(parse(text))
        return `${JSON.stringify({ version: 1, current, profiles }, null, 2)}\n`
      })
    },
    isReadableByOthers: () => isReadableByOthers(path, platform),
  }
}

/** Names are typed on the command line and shown in messages. */
export function checkProfileName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name) && name !== '__proto__') return name
  throw new CliError('wrong-usage', `"${name}" is no name of a profile: letters, digits, ., _ and -, 64 at most.`)
}

function parseProfiles(text: string, path: string): Profiles {
  const broken = (why: string) =>
    new CliError('file-failed', `${path} is not a file of this program (${why}). Move it away and sign in again.`)
  const file = toObject(text)
  if (!file) throw broken('not JSON')
  if (file.version !== 1) throw broken(`version ${String(file.version)}`)
  const { current, profiles } = file
  if (typeof current !== 'string' || typeof profiles !== 'object' || profiles === null) throw broken('fields missing')
  for (const [name, profile] of Object.entries(profiles)) {
    if (!isProfile(profile)) throw broken(`profile ${name}`)
  }
  return { current, profiles: profiles as Record<string, Profile> }
}

function isProfile(value: unknown): value is Profile {
  const { url, ca, credentials } = (value ?? {}) as Partial<Record<keyof Profile, unknown>>
  const { kind, token, clientId, clientSecret } = (credentials ?? {}) as Record<string, unknown>
  return (
    typeof url === 'string' &&
    URL.canParse(url) &&
    (ca === null || typeof ca === 'string') &&
    ((kind === 'token' && typeof token === 'string') ||
      (kind === 'client-credentials' && typeof clientId === 'string' && typeof clientSecret === 'string'))
  )
}

function toObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    // told by who asks
    return null
  }
}
