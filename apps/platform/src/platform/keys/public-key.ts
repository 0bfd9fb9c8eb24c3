import type { PublicJwk } from '@ocelli/contract'
import { type PublicLicenseKey, parsePublicKey, thumbprint } from '@ocelli/license'
import { ProblemError } from '../http/problem.ts'

/** A public key that somebody enrolls. Throws `key-invalid` for what is none, and for a private key: it is no secret any more. */
export async function readPublicKey(jwk: PublicJwk): Promise<PublicLicenseKey> {
  if ('d' in jwk) {
    throw invalid('is a private key. Send its public half, and make a new key: this one has left its owner')
  }
  const { kty, crv, x } = jwk
  const kid = await thumbprint({ kty, crv, x })
  if (jwk.kid !== undefined && jwk.kid !== kid) throw invalid(`has a kid that is not its thumbprint, ${kid}`)
  const key = await parsePublicKey({ kty, crv, x, kid })
  if (!key) throw invalid('is not an Ed25519 public key: x must be 32 bytes in base64url')
  return key
}

function invalid(detail: string): ProblemError {
  return new ProblemError('key-invalid', `The key ${detail}.`, {
    errors: [{ pointer: '/publicKey', code: 'key-invalid', detail }],
  })
}
