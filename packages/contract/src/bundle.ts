import { type Static, Type } from 'typebox'
import { LicenseType } from './installation.ts'
import { PackageFormat } from './names.ts'
import { AppId, DeviceId, nullable, oneOf, Sha256, Timestamp, Uuid, VersionName } from './schema.ts'

export const BundleRequest = Type.Object(
  {
    apps: Type.Array(
      Type.Object(
        {
          appId: AppId,
          licenseType: LicenseType,
          orderId: Type.Optional(Uuid),
          version: Type.Optional({ ...VersionName, description: 'Default: the latest that fits' }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 20 },
    ),
    devices: Type.Array(
      Type.Object(
        {
          deviceId: DeviceId,
          architecture: Type.Optional(nullable(Type.String({ maxLength: 100 }))),
          platformLevel: Type.Optional(nullable(Type.Integer({ minimum: 0 }))),
          firmwareVersion: Type.Optional(nullable(Type.String({ maxLength: 200 }))),
          unsignedApps: Type.Optional(
            nullable(Type.Boolean({ description: 'Whether it lets packages without a signature in.' })),
          ),
          formats: Type.Optional(Type.Array(PackageFormat, { maxItems: 10 })),
        },
        { additionalProperties: false, description: 'What is not said is taken from the device, where it is known.' },
      ),
      { minItems: 1, maxItems: 1000 },
    ),
    validDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 365, description: 'Default 30' })),
  },
  { additionalProperties: false },
)
export type BundleRequest = Static<typeof BundleRequest>

export const BundlePackage = Type.Object({
  packageId: Uuid,
  appId: AppId,
  version: Type.String(),
  versionCode: Type.Integer(),
  format: PackageFormat,
  architectures: Type.Array(Type.String(), { description: 'Empty: any.' }),
  minPlatformLevel: nullable(Type.Integer()),
  size: Type.Integer({ description: 'Bytes' }),
  sha256: Sha256,
})
export type BundlePackage = Static<typeof BundlePackage>

/** What became of one app for one device. LICENSED took a unit; ALREADY_LICENSED used the license that the pair holds. */
export const BundleOutcome = Type.Object({
  deviceId: DeviceId,
  appId: AppId,
  outcome: oneOf(['LICENSED', 'ALREADY_LICENSED', 'INCOMPATIBLE']),
  licenseId: nullable(Uuid),
  packageId: nullable(Uuid),
  detail: nullable(Type.String()),
})
export type BundleOutcome = Static<typeof BundleOutcome>

const summary = {
  bundleId: Uuid,
  createdAt: Timestamp,
  expiresAt: Timestamp,
  rootThumbprint: Type.String({ description: 'Who applies the bundle must have this from elsewhere.' }),
}

export const BundleSummary = Type.Object(
  {
    ...summary,
    licenses: Type.Integer(),
    reported: Type.Integer({ description: 'Licenses that a receipt has said something of.' }),
  },
  { $id: 'BundleSummary' },
)
export type BundleSummary = Static<typeof BundleSummary>

export const Bundle = Type.Object(
  {
    ...summary,
    manifest: Type.String({ description: 'Compact JWS of type ocelli-bundle+jwt' }),
    keyCertificate: Type.String(),
    packages: Type.Array(BundlePackage),
    devices: Type.Array(BundleOutcome),
  },
  { $id: 'Bundle' },
)
export type Bundle = Static<typeof Bundle>
