import { hashSecret, hashToken, newSecret, verifySecret } from '../../platform/auth/secret.ts'

const ownPrefix = 'ocs_'
const quick = 'sha256.'

/** A client secret of our making: 256 random bits. */
export const newClientSecret = (): string => newSecret(ownPrefix)

/** What is stored of a secret of our making. It cannot be guessed, so that a token request need not pay for scrypt. */
export const hashNewClientSecret = (secret: string): string => `${quick}${hashToken(secret)}`

/** What is stored of a secret that somebody chose. */
export const hashChosenClientSecret = hashSecret

export async function verifyClientSecret(secret: string, stored: string): Promise<boolean> {
  if (!stored.startsWith(quick)) return await verifySecret(secret, stored)
  // both sides are digests: their comparison tells nothing about the secret
  return hashNewClientSecret(secret) === stored
}
