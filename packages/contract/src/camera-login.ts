import { type Static, Type } from 'typebox'
import { ErrorCategory } from './installation.ts'
import { DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

/**
 * Passwords of cameras on their way to a gateway. Whoever enters one seals it to the gateway's key, so that the platform
 * holds nothing that it could read.
 */

/** An X25519 public key as a JWK (RFC 8037). Its id is the RFC 7638 thumbprint. */
export const SealingJwk = Type.Object(
  {
    kty: Type.Literal('OKP'),
    crv: Type.Literal('X25519'),
    x: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: '32 bytes in base64url' }),
    kid: Type.Optional(Type.String({ maxLength: 100 })),
  },
  { $id: 'SealingJwk' },
)
export type SealingJwk = Static<typeof SealingJwk>

/**
 * A compact JWE (RFC 7516), `alg` ECDH-ES with X25519 and `enc` A256GCM, of the JSON `{"user","password"}`. Its `apv` names
 * the one purpose that it may be opened for, so that nobody on the way can turn it to another camera:
 * `ocelli:claim:{gatewayId}:{address}`, `ocelli:credentials:{gatewayId}:{deviceId}`, `ocelli:password:{gatewayId}:{deviceId}`, and
 * for the account's recovery key `ocelli:recovery:{accountId}:{address or deviceId}`. Sealed for `password`, the JSON may hold
 * `"allowHttp": true`: the new password may go to a camera that is reached without TLS.
 */
export const SealedLogin = Type.String({
  maxLength: 6000,
  pattern: '^[A-Za-z0-9_-]+\\.\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$',
  description: 'a compact JWE: ECDH-ES with X25519, A256GCM',
})

/** Where a camera is to be found: a host, host and port, or a URL without a login in it. */
export const CameraAddress = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: '^[^\\s@\\u0000-\\u001f\\u007f]+$',
  description: 'a host, host:port or URL without user and password',
})

const sealed = { sealed: SealedLogin, sealedForRecovery: Type.Optional(SealedLogin) }

export const CameraClaim = Type.Object(
  {
    address: CameraAddress,
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    siteId: Type.Optional(Uuid),
    customer: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 50, uniqueItems: true })),
    ...sealed,
  },
  { additionalProperties: false },
)
export type CameraClaim = Static<typeof CameraClaim>

export const CameraClaimsRequest = Type.Object(
  { cameras: Type.Array(CameraClaim, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
)
export type CameraClaimsRequest = Static<typeof CameraClaimsRequest>

export const CameraCredentials = Type.Object({ deviceId: DeviceId, ...sealed }, { additionalProperties: false })
export type CameraCredentials = Static<typeof CameraCredentials>

export const CameraCredentialsRequest = Type.Object(
  { devices: Type.Array(CameraCredentials, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
)
export type CameraCredentialsRequest = Static<typeof CameraCredentialsRequest>

/** A new password for the user that the gateway logs in as. The copy is there before the camera is asked to take it. */
export const CameraPassword = Type.Object(
  { deviceId: DeviceId, sealed: SealedLogin, sealedForRecovery: SealedLogin },
  { additionalProperties: false },
)
export type CameraPassword = Static<typeof CameraPassword>

export const CameraPasswordsRequest = Type.Object(
  { devices: Type.Array(CameraPassword, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false },
)
export type CameraPasswordsRequest = Static<typeof CameraPasswordsRequest>

export const CameraLoginError = Type.Object({
  category: ErrorCategory,
  code: Type.String({ maxLength: 100 }),
  detail: Type.String({ maxLength: 2000 }),
})
export type CameraLoginError = Static<typeof CameraLoginError>

/**
 * PENDING: not yet sent to the gateway. SENT: it works on it. CLAIMED and CHANGED: done. FAILED: done, without success. UNKNOWN: a new
 * password may have been set on the camera; both are kept, and the gateway goes on finding out.
 */
export const CameraLoginState = oneOf(['PENDING', 'SENT', 'UNKNOWN', 'CLAIMED', 'CHANGED', 'FAILED'])
export type CameraLoginState = Static<typeof CameraLoginState>

export const CameraLogin = Type.Object(
  {
    loginId: Uuid,
    state: CameraLoginState,
    address: nullable(Type.String()),
    deviceId: nullable(Type.String()),
    error: nullable(CameraLoginError),
    updatedAt: Timestamp,
  },
  { $id: 'CameraLogin' },
)
export type CameraLogin = Static<typeof CameraLogin>

export const CameraLoginCounters = Type.Object({
  total: Type.Integer(),
  pending: Type.Integer(),
  sent: Type.Integer(),
  unknown: Type.Integer(),
  done: Type.Integer(),
  failed: Type.Integer(),
})

/** One request, with what came of each camera, in the order of the request. `settled`: nothing more will happen. */
export const CameraLoginBatch = Type.Object(
  {
    batchId: Uuid,
    gatewayId: Uuid,
    kind: oneOf(['CLAIM', 'CREDENTIALS', 'PASSWORD']),
    createdAt: Timestamp,
    settled: Type.Boolean(),
    counters: CameraLoginCounters,
    items: Type.Array(CameraLogin),
  },
  { $id: 'CameraLoginBatch' },
)
export type CameraLoginBatch = Static<typeof CameraLoginBatch>

/** The account's key that passwords of cameras are sealed to as well. The private key stays with the operator. */
export const RecoveryKey = Type.Object({ publicKey: nullable(SealingJwk), changedAt: nullable(Timestamp) })
export type RecoveryKey = Static<typeof RecoveryKey>

export const RecoveryKeyRequest = Type.Object({ publicKey: nullable(SealingJwk) }, { additionalProperties: false })
export type RecoveryKeyRequest = Static<typeof RecoveryKeyRequest>

/**
 * A camera's login, sealed to the account's recovery key. A device has two while a new password is being set on it: the one that was
 * proved last, and the new one.
 */
export const RecoveryCopy = Type.Object({
  deviceId: DeviceId,
  address: nullable(Type.String({ description: 'Where the camera was last seen.' })),
  siteId: nullable(Uuid),
  isProved: Type.Boolean({ description: 'False: a new password that may count, with which nobody has logged in yet.' }),
  place: Type.String({ description: 'The address or deviceId that the copy was sealed for.' }),
  sealed: SealedLogin,
  updatedAt: Timestamp,
})
export type RecoveryCopy = Static<typeof RecoveryCopy>
