import { type Static, Type } from 'typebox'
import { LicenseCheckedBy, LicenseType } from './installation.ts'
import { AppId, DeviceId, nullable, oneOf, Timestamp, Uuid } from './schema.ts'

/**
 * RESERVED and VALID use a unit; VALID once the token has left the platform. EXPIRED and RELEASED have given it back. States:
 * docs/licensing.md.
 */
export const LicenseState = oneOf(['RESERVED', 'VALID', 'EXPIRED', 'RELEASED'])
export type LicenseState = Static<typeof LicenseState>

export const License = Type.Object(
  {
    licenseId: Uuid,
    licenseToken: nullable(Type.String({ description: 'Null while RESERVED: the token has not left the platform.' })),
    appId: AppId,
    deviceId: DeviceId,
    licenseType: LicenseType,
    orderId: nullable(Uuid),
    issuer: oneOf(['PLATFORM', 'VENDOR']),
    state: LicenseState,
    validFrom: nullable(Timestamp),
    validUntil: nullable(Timestamp),
    createdAt: Timestamp,
    licenseCheckedBy: nullable(LicenseCheckedBy),
  },
  { $id: 'License' },
)
export type License = Static<typeof License>

/**
 * Where an app expects its license file: where the camera keeps licenses, in a parameter of the app, or at a path of the app's
 * own. What checks it is the camera in the first case, the app in the others.
 */
export const LicensePlacement = Type.Union([
  Type.Object({ kind: Type.Literal('CAMERA') }, { additionalProperties: false }),
  Type.Object(
    {
      kind: Type.Literal('PARAMETER'),
      name: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,100}$', description: 'up to 100 letters, digits, _ . and -' }),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      kind: Type.Literal('APP_PATH'),
      // No dot segments: they would lead to what is not the app's.
      path: Type.String({
        pattern: '^(?!.*(?:^|/)\\.{1,2}(?:/|$))[A-Za-z0-9_.~/-]{1,200}$',
        description: 'a path below that of the app, without . and .. between its slashes',
      }),
    },
    { additionalProperties: false },
  ),
])
export type LicensePlacement = Static<typeof LicensePlacement>

export const LicenseRequest = Type.Object(
  { licenseType: LicenseType, orderId: Type.Optional(Uuid) },
  { additionalProperties: false },
)
export type LicenseRequest = Static<typeof LicenseRequest>

export const LicenseListQuery = Type.Object(
  { state: Type.Optional(oneOf(['HELD', 'ALL'], { description: 'HELD (default): valid or reserved now.' })) },
  { additionalProperties: false },
)
export type LicenseListQuery = Static<typeof LicenseListQuery>

/** Licenses of the whole account. */
export const LicenseQuery = Type.Object(
  {
    appId: Type.Optional(AppId),
    deviceId: Type.Optional(DeviceId),
    orderId: Type.Optional(Uuid),
    licenseType: Type.Optional(LicenseType),
    issuer: Type.Optional(License.properties.issuer),
    state: Type.Optional(
      oneOf(['HELD', 'ALL', 'RESERVED', 'VALID', 'EXPIRED', 'RELEASED'], {
        description: 'HELD (default): valid or reserved now.',
      }),
    ),
    endsBefore: Type.Optional(Type.Unsafe<string>({ ...Timestamp, description: 'Whose end is known and earlier.' })),
    cursor: Type.Optional(Type.String({ maxLength: 2000 })),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 200' })),
  },
  { additionalProperties: false },
)
export type LicenseQuery = Static<typeof LicenseQuery>

export const LicensePage = Type.Object(
  { items: Type.Array(License), nextCursor: nullable(Type.String()) },
  { $id: 'LicensePage' },
)
export type LicensePage = Static<typeof LicensePage>

export const LicenseRelease = Type.Object(
  { reason: Type.String({ minLength: 3, maxLength: 500 }) },
  { additionalProperties: false },
)
export type LicenseRelease = Static<typeof LicenseRelease>

/** Names the order that goes on for longer; the license keeps its id and gets a new token. */
export const LicenseRenewal = Type.Object({ orderId: Uuid }, { additionalProperties: false })
export type LicenseRenewal = Static<typeof LicenseRenewal>

/** Every license of one order at once, all or none. */
export const OrderRenewal = Type.Object({ fromOrderId: Uuid, orderId: Uuid }, { additionalProperties: false })
export type OrderRenewal = Static<typeof OrderRenewal>
export const OrderRenewed = Type.Object({ licenseIds: Type.Array(Uuid) }, { $id: 'OrderRenewed' })
export type OrderRenewed = Static<typeof OrderRenewed>

export const VendorLicenseQuery = Type.Object(
  {
    appId: AppId,
    fileName: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Name of a single key file; it says the device where the key itself does not.',
      }),
    ),
  },
  { additionalProperties: false },
)
export type VendorLicenseQuery = Static<typeof VendorLicenseQuery>

export const VendorLicenseFile = Type.Object({
  fileName: Type.String(),
  result: oneOf(['STORED', 'RENEWED', 'DUPLICATE', 'UNKNOWN_DEVICE', 'OTHER_APP', 'EXPIRED', 'DAMAGED']),
  deviceId: nullable(DeviceId),
  licenseId: nullable(Uuid),
  detail: Type.String(),
})
export type VendorLicenseFile = Static<typeof VendorLicenseFile>

/** What became of each uploaded key file. */
export const VendorLicenseUpload = Type.Object({ files: Type.Array(VendorLicenseFile) }, { $id: 'VendorLicenseUpload' })
export type VendorLicenseUpload = Static<typeof VendorLicenseUpload>

const units = { total: Type.Integer(), used: Type.Integer(), free: Type.Integer() }

export const LicenseQuantity = Type.Object(
  {
    appId: AppId,
    appName: nullable(Type.String()),
    licenseType: LicenseType,
    ...units,
    orders: Type.Array(Type.Object({ orderId: Uuid, ...units, validUntil: nullable(Timestamp) })),
  },
  { $id: 'LicenseQuantity' },
)
export type LicenseQuantity = Static<typeof LicenseQuantity>

/** Units can be used from CONFIRMED on. ENDED: past its term, and its licenses EXPIRED with it. */
export const OrderState = oneOf(['PLACED', 'CONFIRMED', 'CANCELLED', 'ENDED'])
export type OrderState = Static<typeof OrderState>

export const Order = Type.Object(
  {
    orderId: Uuid,
    accountId: Type.Unsafe<string>({ ...Uuid, description: 'The buyer' }),
    accountName: Type.String(),
    appId: AppId,
    licenseType: LicenseType,
    ...units,
    state: OrderState,
    termDays: nullable(Type.Integer({ description: 'SUBSCRIPTION: days from confirmation; null for FULL and TRIAL.' })),
    validUntil: nullable(Timestamp),
    reference: nullable(Type.String()),
    placedAt: Timestamp,
    confirmedAt: nullable(Timestamp),
    cancelledAt: nullable(Timestamp),
  },
  { $id: 'Order' },
)
export type Order = Static<typeof Order>

export const OrderRequest = Type.Object(
  {
    appId: AppId,
    licenseType: LicenseType,
    quantity: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
    termDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3660, description: 'SUBSCRIPTION only; default 365' })),
    reference: Type.Optional(Type.String({ maxLength: 200, description: "The buyer's own order number" })),
  },
  { additionalProperties: false },
)
export type OrderRequest = Static<typeof OrderRequest>

export const OrderPatch = Type.Object(
  { quantity: Type.Integer({ minimum: 1, description: 'Fewer units than before; more are another order.' }) },
  { additionalProperties: false },
)
export type OrderPatch = Static<typeof OrderPatch>

export const OrderQuery = Type.Object(
  {
    role: Type.Optional(
      oneOf(['buyer', 'publisher', 'operator'], {
        description:
          "Orders of the own account (default), for the own account's apps (apps:publish), or of all accounts (platform:operate).",
      }),
    ),
    appId: Type.Optional(AppId),
    state: Type.Optional(OrderState),
    page: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  { additionalProperties: false },
)
export type OrderQuery = Static<typeof OrderQuery>
