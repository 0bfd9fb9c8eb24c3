import { readFile } from 'node:fs/promises'
import { type PublicLicenseKey, thumbprint } from '@ocelli/license'

/** Reads the public license keys of a file that holds a JWK, a JWK set or an array of JWKs. Throws TypeError. */
export async function readTrust(path: string): Promise<PublicLicenseKey[]> {
  const value: unknown = JSON.parse(await readFile(path, 'utf8'))
  const list = Array.isArray(value) ? value : isRecord(value) && Array.isArray(value.keys) ? value.keys : [value]
  const keys = await Promise.all(list.map((entry: unknown) => readKey(entry, path)))
  if (keys.length === 0) throw new TypeError(`${path} holds no key.`)
  return keys
}

async function readKey(value: unknown, path: string): Promise<PublicLicenseKey> {
  if (!isRecord(value) || value.kty !== 'OKP' || value.crv !== 'Ed25519' || typeof value.x !== 'string') {
    throw new TypeError(`${path} holds something that is no Ed25519 JWK.`)
  }
  const members = { kty: 'OKP', crv: 'Ed25519', x: value.x } as const
  const kid = await thumbprint(members)
  if (value.kid !== undefined && value.kid !== kid) throw new TypeError(`${path} holds a key whose kid is not its own.`)
  return { ...members, kid }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
