import { hostname } from 'node:os'
import { join } from 'node:path'
import { generateLicenseKey, type PrivateLicenseKey, type PublicLicenseKey, toPublicKey } from '@ocelli/license'
import { CliError } from '../cli-error.ts'
import { readTextFile, writePrivateFile } from '../profile/private-file.ts'

/** The key that this machine signs receipts with; made at its first use, kept beside the profiles, never sent anywhere. */
export async function receiptKey(
  configFolder: string,
): Promise<{ key: PrivateLicenseKey; publicKey: PublicLicenseKey }> {
  const path = join(configFolder, 'receipt-key.json')
  const text = await readTextFile(path)
  if (text === null) {
    const { privateKey, publicKey } = await generateLicenseKey()
    await writePrivateFile(path, `${JSON.stringify(privateKey)}\n`)
    return { key: privateKey, publicKey }
  }
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
