import { hostname } from 'node:os'
import { join } from 'node:path'
import { generateLicenseKey, type PrivateLicenseKey, type PublicLicenseKey, toPublicKey } from '@ocelli/license'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { changePrivateFile } from '../profile/change-private-file.ts'
import { readTextFile } from '../profile/private-file.ts'

/** The key that this machine signs receipts with; made at its first use, kept beside the profiles, never sent anywhere. */
export async function receiptKey(
  io: Pick<Io, 'configFolder' | 'clock' | 'signal'>,
): Promise<{ key: PrivateLicenseKey; publicKey: PublicLicenseKey }> {
  const path = join(io.configFolder, 'receipt-key.json')
  const make = async () => `${JSON.stringify((await generateLicenseKey()).privateKey)}\n`
  const text = (await readTextFile(path)) ?? (await changePrivateFile(path, io, (there) => there ?? make()))
  try {
    const key = JSON.parse(text) as PrivateLicenseKey
    return { key, publicKey: toPublicKey(key) }
  } catch (error) {
    throw new CliError('file-failed', `${path} is no key. Put the right file back, or remove it for a new key.`, {
      cause: error,
    })
  }
}

/** What a key of this machine is called at the platform. */
export const receiptKeyName = (): string => `ocelli on ${hostname()}`.slice(0, 200)
