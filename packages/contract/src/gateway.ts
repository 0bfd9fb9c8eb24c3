import { type Static, Type } from 'typebox'
import { SealingJwk } from './camera-login.ts'
import { nullable, Timestamp, Uuid } from './schema.ts'

/** So long after its end a gateway's certificate is still renewed; then the gateway enrolls again, and keeps its id. Not for ever: machines are scrapped with their keys on them. */
export const renewableAfterEndDays = 90

/** A token at the only moment when it is shown; its content is `EnrollmentTokenContent`. */
export const EnrollmentToken = Type.Object({ token: Type.String(), expiresAt: Timestamp })
export type EnrollmentToken = Static<typeof EnrollmentToken>

export const Gateway = Type.Object(
  {
    gatewayId: Uuid,
    siteId: Uuid,
    name: Type.String(),
    connected: Type.Boolean(),
    version: nullable(Type.String()),
    lastMessageAt: nullable(Timestamp),
    certificateExpiresAt: Timestamp,
    revokedAt: nullable(Timestamp),
    deviceCount: Type.Integer(),
    /** To which passwords of cameras are sealed; null until a gateway that has one has connected. */
    sealingKey: nullable(SealingJwk),
    setsPasswords: Type.Boolean({ description: 'It can set new passwords on cameras.' }),
    createdAt: Timestamp,
  },
  { $id: 'Gateway' },
)
export type Gateway = Static<typeof Gateway>

/** An enrollment token is `oet1.<base64url JSON>`: the JSON names the secret, the site and the CA's SHA-256 fingerprint. */
export const EnrollmentTokenContent = Type.Object({
  secret: Type.String(),
  siteId: Uuid,
  caFingerprint: Sha256Hex(),
  replaces: Type.Optional(Type.Unsafe<string>({ ...Uuid, description: 'The gateway whose devices are taken over' })),
})
export type EnrollmentTokenContent = Static<typeof EnrollmentTokenContent>

function Sha256Hex() {
  return Type.String({
    pattern: '^[0-9a-f]{64}$',
    description: 'the SHA-256 of the CA certificate (DER) in 64 lower-case hex digits',
  })
}

export const EnrollRequest = Type.Object(
  {
    secret: Type.String({ minLength: 20, maxLength: 200 }),
    csr: Type.String({ maxLength: 10_000, description: 'PKCS #10, PEM, proves possession of the key' }),
    name: Type.String({ minLength: 1, maxLength: 200 }),
    gatewayId: Type.Optional(
      Type.Unsafe<string>({
        ...Uuid,
        description: 'Re-enroll an existing gateway of this account with its old folder',
      }),
    ),
    version: Type.String({ maxLength: 50 }),
  },
  { additionalProperties: false },
)
export type EnrollRequest = Static<typeof EnrollRequest>

export const Enrollment = Type.Object({
  gatewayId: Uuid,
  siteId: Uuid,
  certificate: Type.String({ description: 'PEM, common name = gatewayId' }),
  caCertificate: Type.String({ description: 'PEM; its fingerprint must equal the one in the enrollment token' }),
  mqttUrl: Type.String({ examples: ['mqtts://ocelli.example.com:8883'] }),
  mqttWebSocketUrl: Type.String({ examples: ['wss://ocelli.example.com/mqtt'] }),
})
export type Enrollment = Static<typeof Enrollment>

export const CertificateRenewalRequest = Type.Object(
  { csr: EnrollRequest.properties.csr },
  { additionalProperties: false },
)
export type CertificateRenewalRequest = Static<typeof CertificateRenewalRequest>

export const CertificateRenewal = Type.Omit(Enrollment, ['gatewayId', 'siteId'])
export type CertificateRenewal = Static<typeof CertificateRenewal>
