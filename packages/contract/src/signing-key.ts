import { type Static, Type } from 'typebox'
import { PublicJwk } from './public-key.ts'
import { Timestamp } from './schema.ts'

export const SigningKeyRequest = Type.Object(
  {
    publicKey: PublicJwk,
    name: Type.String({ minLength: 1, maxLength: 200, description: 'For people: which laptop' }),
  },
  { additionalProperties: false },
)
export type SigningKeyRequest = Static<typeof SigningKeyRequest>

/** A key that its owner signs receipts with, away from the platform. */
export const SigningKey = Type.Object(
  {
    keyId: Type.String({ description: 'RFC 7638 thumbprint' }),
    name: Type.String(),
    publicKey: PublicJwk,
    createdAt: Timestamp,
  },
  { $id: 'SigningKey' },
)
export type SigningKey = Static<typeof SigningKey>
