import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Work for whoever hashes, and for whoever guesses (RFC 7914, 2). */
export interface HashCost {
  /** N: memory is 1 KiB times it. */
  cost: number
  /** p */
  parallelization: number
}

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
/** Of what is hashed now: 16 MiB, as much work as OWASP's password storage cheat sheet asks for at that size. */
export const costNow: HashCost = { cost: 16_384, parallelization: 5 }
/** Of hashes that do not say. */
const costBefore: HashCost = { cost: 16_384, parallelization: 1 }

/** 256 random bits: needs no slow hash. */
export const newSecret = (prefix: string): string => `${prefix}${randomBytes(32).toString('base64url')}`

/** For secrets of our own making only, which cannot be guessed. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** For secrets that a person may have chosen: scrypt with a salt (RFC 7914), r = 8. The text says its own cost: `scrypt.N.p.salt.hash`. */
export async function hashSecret(secret: string, { cost, parallelization }: HashCost = costNow): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(secret, salt, 32, { cost, parallelization })
  return ['scrypt', cost, parallelization, salt.toString('base64url'), hash.toString('base64url')].join('.')
}

export async function verifySecret(secret: string, stored: string): Promise<boolean> {
  const parts = stored.split('.')
  const [salt = '', expected = ''] = parts.slice(-2)
  const cost = parts.length === 5 ? { cost: Number(parts[1]), parallelization: Number(parts[2]) } : costBefore
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), 32, cost)
  const wanted = Buffer.from(expected, 'base64url')
  return wanted.length === actual.length && timingSafeEqual(actual, wanted)
}
