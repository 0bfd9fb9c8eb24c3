import {
  App,
  AppId,
  AppPatch,
  AppQuery,
  AppVersion,
  DownloadQuery,
  PackageSource,
  PublishQuery,
  Sha256,
  Uuid,
  VersionName,
} from '@ocelli/contract'
import { Type } from 'typebox'
import type { BlobStore } from '../../platform/blob-store/blob-store.ts'
import type { Database } from '../../platform/database/database.ts'
import { notFound } from '../../platform/http/problem.ts'
import { type AnyRoute, ok, route, streamed } from '../../platform/http/route.ts'
import { changeApp, listVersions, readApp, readVersion, withdrawVersion } from './app-service.ts'
import { readApps } from './app-store.ts'
import { createBlobLinks } from './blob-link.ts'
import { choosePackage, packageSource } from './package-download.ts'
import { packageMediaTypes, receivePackage, type UploadedPackage } from './package-upload.ts'
import { publishPackage } from './publish-package.ts'
import { serveBlob } from './serve-blob.ts'

export interface AppsDeps {
  db: Database
  blobs: BlobStore
  /** Signs download links. */
  linkKey: Uint8Array
  nowMs: () => number
  /** bytes */
  maxPackageBytes: number
}

export const defaultMaxPackageBytes = 4 * 1024 ** 3

const AppParams = Type.Object({ appId: AppId })
const VersionParams = Type.Object({ appId: AppId, version: VersionName })
const LinkQuery = Type.Object({ expires: Type.Integer({ minimum: 0 }), signature: Type.String({ maxLength: 100 }) })
/** Apps, their versions, and the ways in and out of their packages. */
export function appsRoutes(deps: AppsDeps): AnyRoute[] {
  return [...storeRoutes(deps), ...packageRoutes(deps)]
}

function storeRoutes(deps: AppsDeps): AnyRoute[] {
  const tag = 'Store'
  return [
    route({
      method: 'POST',
      path: '/store/v1/packages',
      access: 'apps:publish',
      tag,
      summary: 'Publish a package',
      description: `The body is the package itself, as ${packageMediaTypes.join(' or ')}. The file already published is answered 200.`,
      query: PublishQuery,
      consumes: 'application/octet-stream',
      responses: { 200: AppVersion, 201: AppVersion },
      bodyLimitBytes: deps.maxPackageBytes,
      receive: (request) => receivePackage(deps, request),
      async handle({ context, query, received }) {
        const { version, isNew } = await publishPackage(context, received as UploadedPackage, query)
        const location = `/store/v1/apps/${version.appId}/versions/${encodeURIComponent(version.version)}`
        return { status: isNew ? 201 : 200, body: version, headers: { location } }
      },
    }),
    route({
      method: 'GET',
      path: '/store/v1/apps',
      access: 'apps:view',
      tag,
      summary: 'List apps: own ones, listed ones and those bought, by appId',
      query: AppQuery,
      responses: { 200: Type.Array(App) },
      handle: async ({ context, query }) =>
        ok((await readApps(context.db, context.caller, query)).map((row) => row.app)),
    }),
    route({
      method: 'GET',
      path: '/store/v1/apps/:appId',
      access: 'apps:view',
      tag,
      summary: 'Read an app',
      params: AppParams,
      responses: { 200: App },
      handle: async ({ context, params }) => ok(await readApp(context, params.appId)),
    }),
    route({
      method: 'PATCH',
      path: '/store/v1/apps/:appId',
      access: 'apps:publish',
      tag,
      summary: "Change an own app's listing",
      params: AppParams,
      body: AppPatch,
      responses: { 200: App },
      handle: async ({ context, params, body }) => ok(await changeApp(context, params.appId, body)),
    }),
    route({
      method: 'GET',
      path: '/store/v1/apps/:appId/versions',
      access: 'apps:view',
      tag,
      summary: 'List versions, newest first',
      params: AppParams,
      responses: { 200: Type.Array(AppVersion) },
      handle: async ({ context, params }) => ok(await listVersions(context, params.appId)),
    }),
    route({
      method: 'GET',
      path: '/store/v1/apps/:appId/versions/:version',
      access: 'apps:view',
      tag,
      summary: 'Read a version',
      params: VersionParams,
      responses: { 200: AppVersion },
      handle: async ({ context, params }) => ok(await readVersion(context, params.appId, params.version)),
    }),
    route({
      method: 'DELETE',
      path: '/store/v1/apps/:appId/versions/:version',
      access: 'apps:publish',
      tag,
      summary: 'Withdraw a version: it is not installed any more',
      params: VersionParams,
      responses: { 200: AppVersion },
      handle: async ({ context, params }) => ok(await withdrawVersion(context, params.appId, params.version)),
    }),
  ]
}

function packageRoutes(deps: AppsDeps): AnyRoute[] {
  const { blobs } = deps
  const links = createBlobLinks({ key: deps.linkKey, nowMs: deps.nowMs })
  const tag = 'Packages'
  const bytes = { 200: null, 206: null, 304: null }
  return [
    route({
      method: 'GET',
      path: '/software/v1/apps/:appId/download',
      access: 'apps:view',
      tag,
      summary: 'Download a package; resumable by Range, with its SHA-256',
      params: AppParams,
      query: DownloadQuery,
      responses: bytes,
      handle: streamed,
      stream: async ({ context, params, query, raw }, reply) =>
        serveBlob(blobs, await choosePackage(context, params.appId, query), { request: raw, reply }),
    }),
    route({
      method: 'GET',
      path: '/device/v1/gateways/self/packages/:packageId',
      access: 'gateway',
      tag,
      summary: 'A short-lived address of a package that is to be installed',
      params: Type.Object({ packageId: Uuid }),
      responses: { 200: PackageSource },
      handle: async ({ context, params }) => ok(await packageSource(context, params.packageId, { blobs, links })),
    }),
    route({
      method: 'GET',
      path: '/store/v1/blobs/:sha256',
      access: 'public',
      tag,
      summary: 'Bytes by a signed link',
      params: Type.Object({ sha256: Sha256 }),
      query: LinkQuery,
      responses: bytes,
      handle: streamed,
      async stream({ params: { sha256 }, query, raw }, reply) {
        links.check(sha256, query)
        const size = await blobs.size(sha256)
        if (size === null) throw notFound('The file')
        const served = { sha256, size, mediaType: 'application/octet-stream', fileName: null }
        return serveBlob(blobs, served, { request: raw, reply })
      },
    }),
  ]
}
