import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { GatewayError } from './gateway-error.ts'

export interface Sealer {
  seal(text: string): string
  unseal(sealed: string): string
}

const nonceBytes = 12
const tagBytes = 16
const mark = 's1.'

/** AES-256-GCM: `s1.` and base64url of nonce, tag and ciphertext. A random nonce is safe for 2^32 texts per key. */
export function createSealer(key: Uint8Array): Sealer {
  return {
    seal(text) {
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return mark + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
    },
    unseal(sealed) {
      const bytes = Buffer.from(sealed.slice(mark.length), 'base64url')
      try {
        if (!sealed.startsWith(mark) || bytes.length < nonceBytes + tagBytes) throw new Error('not a sealed text')
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes))
        decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString()
      } catch (cause) {
        throw new GatewayError(
          'state-corrupt',
          'A secret of this folder does not fit its file secret.key. Put the key file that belongs to it back.',
          { cause },
        )
      }
    },
  }
}
