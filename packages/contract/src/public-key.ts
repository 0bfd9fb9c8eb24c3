import { type Static, Type } from 'typebox'

/** An Ed25519 public key as a JWK (RFC 8037). Its id is the RFC 7638 thumbprint; a `kid` that is another is refused. */
export const PublicJwk = Type.Object(
  {
    kty: Type.Literal('OKP'),
    crv: Type.Literal('Ed25519'),
    x: Type.String({ maxLength: 100, description: '32 bytes in base64url' }),
    kid: Type.Optional(Type.String({ maxLength: 100 })),
  },
  { $id: 'PublicJwk' },
)
export type PublicJwk = Static<typeof PublicJwk>
