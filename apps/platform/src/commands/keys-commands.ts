import { writeFile } from 'node:fs/promises'
import type { Database } from '../platform/database/database.ts'
import { describeLicenseKeys, exportRoot, rotateSigningKey } from '../platform/keys/license-keyring.ts'
import type { Vault } from '../platform/keys/master-key.ts'

interface Instance {
  db: Database
  vault: Vault
}

export interface KeysIo {
  /** Data. */
  print: (text: string) => void
  /** Talk. */
  say: (text: string) => void
}

/** The root's thumbprint, and every signing key with its time. Gives the exit code, as the others do. */
export async function showKeys({ db }: Instance, { print, say }: KeysIo): Promise<number> {
  const overview = await describeLicenseKeys(db)
  if (!overview) return notYet(say)
  print(`root     ${overview.rootThumbprint}\n`)
  for (const { keyId, createdAt, retiredAt } of overview.signing) {
    print(`signing  ${keyId}  since ${createdAt}${retiredAt ? `  retired ${retiredAt}` : '  in use'}\n`)
  }
  return 0
}

export async function rotateKey({ db, vault }: Instance, { print, say }: KeysIo): Promise<number> {
  const keyId = await rotateSigningKey(db, vault)
  if (keyId === null) return notYet(say)
  print(`${keyId}\n`)
  say('Licenses are signed with this key from now on. Those signed before stay valid.\n')
  return 0
}

export async function exportRootKey(
  { db, vault }: Instance,
  { print, say, out }: KeysIo & { out?: string },
): Promise<number> {
  const root = await exportRoot(db, vault)
  if (root === null) return notYet(say)
  // an existing file is never replaced: it may be the only copy of another root
  if (out) await writeFile(out, `${root}\n`, { mode: 0o600, flag: 'wx' })
  else print(`${root}\n`)
  say('Whoever holds this key can issue licenses in your name. Keep it offline.\n')
  return 0
}

function notYet(say: KeysIo['say']): number {
  say('There are no license keys yet: start the platform once. If another command rotates just now, try again.\n')
  return 1
}
