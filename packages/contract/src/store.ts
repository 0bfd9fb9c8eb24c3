import { type Static, Type } from 'typebox'
import { LicenseCheckedBy } from './installation.ts'
import { LicensePlacement } from './license.ts'
import { PackageFormat } from './names.ts'
import { AppId, DeviceId, nullable, oneOf, Sha256, Timestamp, Uuid, VersionName } from './schema.ts'

export const AppVisibility = oneOf(['PRIVATE', 'LISTED'])
export type AppVisibility = Static<typeof AppVisibility>

const WebAddress = Type.String({
  maxLength: 2000,
  pattern: '^https?://',
  description: 'an address that begins with https:// or http://',
})

const listing = {
  name: Type.String({ minLength: 1, maxLength: 200 }),
  shortDescription: Type.String({ maxLength: 500 }),
  description: Type.String({ maxLength: 20_000 }),
  industries: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 }),
  useCases: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 }),
  integrationTypes: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 }),
  website: nullable(WebAddress),
  videoUrl: nullable(WebAddress),
  imageUrls: Type.Array(WebAddress, { maxItems: 20 }),
  trialDays: Type.Integer({ minimum: 1, maximum: 365 }),
  licensePlacement: Type.Unsafe<LicensePlacement | null>({
    ...nullable(LicensePlacement),
    description: "Where an app that its camera's vendor does not protect expects its license file; docs/axis.md.",
  }),
}

export const App = Type.Object(
  {
    appId: AppId,
    ...listing,
    visibility: AppVisibility,
    own: Type.Boolean({ description: "Published by the caller's account." }),
    latestVersion: nullable(Type.String()),
    licenseCheckedBy: Type.Unsafe<LicenseCheckedBy | null>({
      ...nullable(LicenseCheckedBy),
      description: 'NOBODY: units are counted, and the app runs without a license. Null before the first version.',
    }),
    projectIds: Type.Array(Uuid),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: 'App' },
)
export type App = Static<typeof App>

export const AppPatch = Type.Partial(Type.Object({ ...listing, visibility: AppVisibility }), {
  additionalProperties: false,
  minProperties: 1,
})
export type AppPatch = Static<typeof AppPatch>

/** What an .eap says of itself beside version and architecture; docs/app-packages.md tells where each is read. */
export const EapDetails = Type.Object({
  vendor: nullable(Type.String()),
  vendorId: nullable(Type.String({ description: 'Ten hex digits; cameras refuse an update from another vendor.' })),
  axisAppId: nullable(Type.String({ description: 'The number that license keys of Axis are made out for.' })),
  copyProtection: oneOf(['none', 'axis', 'custom']),
  manifestSchema: nullable(Type.String({ description: 'Null: a package with package.conf only.' })),
  minSdkVersion: nullable(Type.String()),
  runMode: nullable(oneOf(['respawn', 'once', 'never'])),
  runAs: nullable(Type.Object({ user: Type.String(), group: Type.String() })),
  settingPage: nullable(Type.String()),
  parameters: Type.Array(Type.Object({ name: Type.String(), default: Type.String(), type: Type.String() })),
  httpPaths: Type.Array(Type.String()),
  osVersions: Type.Array(Type.Object({ min: nullable(Type.String()), max: nullable(Type.String()) }), {
    description: 'Versions of AXIS OS, any of these ranges, bounds included; max 12 is all of 12. Empty: not said.',
  }),
  signature: nullable(
    Type.Object(
      { createdAt: Timestamp, keyId: Type.String() },
      { description: 'Told, not verified: only cameras can.' },
    ),
  ),
})
export type EapDetails = Static<typeof EapDetails>

export const AppPackage = Type.Object({
  packageId: Uuid,
  format: PackageFormat,
  architectures: Type.Array(Type.String(), { description: 'Empty: any.' }),
  minPlatformLevel: nullable(Type.Integer()),
  size: Type.Integer(),
  sha256: Sha256,
  signerCertificateSha256: nullable(Sha256),
  eap: nullable(EapDetails),
  publishedAt: Timestamp,
})
export type AppPackage = Static<typeof AppPackage>

export const AppVersion = Type.Object(
  {
    appId: AppId,
    version: Type.String(),
    versionCode: Type.Integer({ description: 'Of an .apk its own; versions of an .eap are counted from 1.' }),
    withdrawnAt: nullable(Timestamp),
    packages: Type.Array(AppPackage),
    publishedAt: Timestamp,
  },
  { $id: 'AppVersion' },
)
export type AppVersion = Static<typeof AppVersion>

const closed = { additionalProperties: false }
const text = Type.Optional(Type.String({ maxLength: 200 }))

export const AppQuery = Type.Object(
  {
    q: text,
    industry: text,
    useCase: text,
    own: Type.Optional(Type.Boolean({ description: "Only the account's own, or only those of others." })),
    page: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  },
  closed,
)
export type AppQuery = Static<typeof AppQuery>

export const PublishQuery = Type.Object(
  { visibility: Type.Optional(AppVisibility), name: Type.Optional(App.properties.name) },
  closed,
)
export type PublishQuery = Static<typeof PublishQuery>

export const DownloadQuery = Type.Object(
  {
    version: Type.Optional(VersionName),
    architecture: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    deviceId: Type.Optional(DeviceId),
  },
  closed,
)
export type DownloadQuery = Static<typeof DownloadQuery>

/** A short-lived address of a package's bytes. */
export const PackageSource = Type.Object(
  { url: Type.String(), size: Type.Integer(), sha256: Sha256 },
  { $id: 'PackageSource' },
)
export type PackageSource = Static<typeof PackageSource>
