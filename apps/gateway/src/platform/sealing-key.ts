import { generateKeyPairSync } from 'node:crypto'
import { SealingJwk } from '@ocelli/contract'
import { calculateJwkThumbprint, compactDecrypt, importJWK } from 'jose'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'

/** The key that logins of cameras are sealed to on their way here. The private half never leaves this folder. */
export interface SealingKey {
  readonly publicKey: SealingJwk
  /** The text that was sealed to this key for exactly this purpose. Throws `login-unreadable`. */
  open(sealed: string, purpose: string): Promise<string>
}

const PrivateJwk = Type.Object({ ...SealingJwk.properties, d: Type.String() })
const StoredKey = Type.Object({ sealedPrivateKey: Type.String() })
const fileName = 'sealing-key.json'

/** Makes the key when there is none. For the one process that holds the folder. Throws `state-corrupt`. */
export async function openSealingKey(
  folder: Pick<StateFolder, 'path' | 'readJson' | 'writeJson' | 'seal' | 'unseal'>,
): Promise<SealingKey> {
  const privateJwk = (await readKey(folder)) ?? (await makeKey(folder))
  const { kty, crv, x } = privateJwk
  const privateKey = await importJWK({ ...privateJwk }, 'ECDH-ES')
  return {
    publicKey: { kty, crv, x, kid: await calculateJwkThumbprint({ kty, crv, x }) },
    async open(sealed, purpose) {
      const { plaintext, protectedHeader } = await compactDecrypt(sealed, privateKey, {
        keyManagementAlgorithms: ['ECDH-ES'],
        contentEncryptionAlgorithms: ['A256GCM'],
      }).catch((cause: unknown) => {
        throw unreadable('was not sealed to the key of this gateway, or was changed on the way', cause)
      })
      if (Buffer.from(String(protectedHeader.apv ?? ''), 'base64url').toString() === purpose)
        return Buffer.from(plaintext).toString()
      throw unreadable('was sealed for something else than it was sent with')
    },
  }
}

const unreadable = (detail: string, cause?: unknown) =>
  new GatewayError(
    'login-unreadable',
    `The login ${detail}. Send it again, sealed to the key that the platform names now.`,
    {
      cause,
    },
  )

async function readKey(folder: Pick<StateFolder, 'path' | 'readJson' | 'unseal'>) {
  const stored = await folder.readJson(fileName)
  if (stored === null) return null
  const key: unknown = Value.Check(StoredKey, stored) ? JSON.parse(folder.unseal(stored.sealedPrivateKey)) : null
  if (Value.Check(PrivateJwk, key)) return key
  throw new GatewayError(
    'state-corrupt',
    `${folder.path}/${fileName} is not what a gateway writes. Restore or remove it.`,
  )
}

async function makeKey({ writeJson, seal }: Pick<StateFolder, 'writeJson' | 'seal'>) {
  const key: unknown = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  if (!Value.Check(PrivateJwk, key)) throw new GatewayError('state-corrupt', 'Node made no X25519 key.')
  await writeJson(fileName, { sealedPrivateKey: seal(JSON.stringify(key)) })
  return key
}
