import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../config.ts'

/** Seals what must not lie readable in the database. AES-256-GCM; `context` binds a sealed text to its place. */
export interface Vault {
  seal(plain: string, context: string): string
  /** Throws when the text was sealed by another key, for another place, or was changed. */
  unseal(sealed: string, context: string): string
}

export function createVault(masterKey: Uint8Array): Vault {
  return {
    seal(plain, context) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', masterKey, iv).setAAD(Buffer.from(context))
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return `v1.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`
    },
    unseal(sealed, context) {
      const bytes = Buffer.from(sealed.slice(3), 'base64url')
      try {
        const decipher = createDecipheriv('aes-256-gcm', masterKey, bytes.subarray(0, 12))
          .setAAD(Buffer.from(context))
          .setAuthTag(bytes.subarray(12, 28))
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new ConfigError(
          'A sealed key does not open: OCELLI_MASTER_KEY (or master.key) is not the one it was sealed with.',
          { cause },
        )
      }
    },
  }
}

/** The key from the environment, else from `master.key` in the data folder, made there at first start. */
export async function loadMasterKey(options: {
  fromEnvironment: string | null
  dataFolder: string
}): Promise<Uint8Array> {
  if (options.fromEnvironment) return parse(options.fromEnvironment, 'OCELLI_MASTER_KEY')
  const existing = await readMasterKey(options.dataFolder)
  if (existing) return existing
  const path = join(options.dataFolder, 'master.key')
  // written whole before it gets its name, and a name that exists is never replaced: a lost master key is a lost database
  const draft = `${path}.${randomUUID()}`
  const file = await open(draft, 'wx', 0o600)
  await file.writeFile(`${randomBytes(32).toString('base64')}\n`)
  await file.sync()
  await file.close()
  await link(draft, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await unlink(draft)
  return parse(await readFile(path, 'utf8'), path)
}

/** The key in the data folder; null where there is none yet. */
export async function readMasterKey(dataFolder: string): Promise<Uint8Array | null> {
  const path = join(dataFolder, 'master.key')
  try {
    return parse(await readFile(path, 'utf8'), path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return null
  }
}

function parse(text: string, where: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== 32) throw new ConfigError(`${where} is not 32 bytes in base64.`)
  return key
}
