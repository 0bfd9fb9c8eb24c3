import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, Buffer>(scrypt)

/** 256 random bits: needs no slow hash. */
export const newSecret = (prefix: string): string => `${prefix}${randomBytes(32).toString('base64url')}`

/** For secrets of our own making only, which cannot be guessed. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** For secrets that a person may have chosen: scrypt with a salt. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  return `scrypt.${salt.toString('base64url')}.${(await derive(secret, salt, 32)).toString('base64url')}`
}

export async function verifySecret(secret: string, stored: string): Promise<boolean> {
  const [, salt = '', expected = ''] = stored.split('.')
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), 32)
  const wanted = Buffer.from(expected, 'base64url')
  return wanted.length === actual.length && timingSafeEqual(actual, wanted)
}
