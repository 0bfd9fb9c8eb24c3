import { type Static, Type } from 'typebox'
import { AppId, DeviceId, nullable, oneOf, Sha256, Timestamp, Uuid } from './schema.ts'

export const AppVisibility = oneOf(['PRIVATE', 'LISTED'])
export type AppVisibility = Static<typeof AppVisibility>

const listing = {
  name: Type.String({ minLength: 1, maxLength: 200 }),
  shortDescription: Type.String({ maxLength: 500 }),
  description: Type.String({ maxLength: 20_000 }),
  industries: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 }),
  useCases: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 }),
  integrationTypes: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 50 }),
  website: nullable(Type.String({ maxLength: 2000, pattern: '^https?://' })),
  videoUrl: nullable(Type.String({ maxLength: 2000, pattern: '^https?://' })),
  imageUrls: Type.Array(Type.String({ maxLength: 2000, pattern: '^https?://' }), { maxItems: 20 }),
  trialDays: Type.Integer({ minimum: 1, maximum: 365 }),
}

export const App = Type.Object(
  {
    appId: AppId,
    ...listing,
    visibility: AppVisibility,
    own: Type.Boolean({ description: "Published by the caller's account." }),
    latestVersion: nullable(Type.String()),
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

export const AppPackage = Type.Object({
  packageId: Uuid,
  format: oneOf(['apk', 'eap']),
  architectures: Type.Array(Type.String(), { description: 'Empty: any.' }),
  minPlatformLevel: nullable(Type.Integer()),
  size: Type.Integer(),
  sha256: Sha256,
  signerCertificateSha256: nullable(Sha256),
  publishedAt: Timestamp,
})
export type AppPackage = Static<typeof AppPackage>

export const AppVersion = Type.Object(
  {
    appId: AppId,
    version: Type.String(),
    versionCode: Type.Integer(),
    withdrawnAt: nullable(Timestamp),
    packages: Type.Array(AppPackage),
    publishedAt: Timestamp,
  },
  { $id: 'AppVersion' },
)
export type AppVersion = Static<typeof AppVersion>

const closed = { additionalProperties: false }
const text = Type.Optional(Type.String({ maxLength: 200 }))

/** The version's name, as its package has it. */
export const VersionName = Type.String({ minLength: 1, maxLength: 100 })

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
