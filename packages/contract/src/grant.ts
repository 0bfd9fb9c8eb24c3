import { type Static, Type } from 'typebox'
import { LicenseType } from './installation.ts'
import { PublicJwk } from './public-key.ts'
import { AppId, nullable, Timestamp, Uuid } from './schema.ts'

export const MakerKeyRequest = Type.Object({ publicKey: PublicJwk }, { additionalProperties: false })
export type MakerKeyRequest = Static<typeof MakerKeyRequest>

/** A key that the maker of an app signs grants with. */
export const MakerKey = Type.Object(
  {
    keyId: Type.String({ description: 'RFC 7638 thumbprint' }),
    appId: AppId,
    publicKey: PublicJwk,
    createdAt: Timestamp,
  },
  { $id: 'MakerKey' },
)
export type MakerKey = Static<typeof MakerKey>

export const GrantImport = Type.Object(
  { grant: Type.String({ minLength: 1, maxLength: 16_384, description: 'Compact JWS of type ocelli-grant+jwt' }) },
  { additionalProperties: false },
)
export type GrantImport = Static<typeof GrantImport>

/** An app maker's signed statement that an order is paid, as this account has imported it. */
export const Grant = Type.Object(
  {
    grantId: Uuid,
    appId: AppId,
    licenseType: LicenseType,
    quantity: Type.Integer(),
    termDays: nullable(Type.Integer()),
    makerOrder: Type.String({ description: "The order in the maker's words" }),
    keyId: Type.String(),
    orderId: nullable(Uuid),
    importedAt: Timestamp,
  },
  { $id: 'Grant' },
)
export type Grant = Static<typeof Grant>
