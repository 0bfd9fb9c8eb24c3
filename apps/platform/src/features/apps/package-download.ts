import type { AppPackage, AppVersion } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { BlobStore } from '../../platform/blob-store/blob-store.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { readApps, readVersions } from './app-store.ts'
import { type BlobLinks, blobLinkSeconds } from './blob-link.ts'
import { findFittingPackage } from './fitting-package.ts'
import type { ServedBlob } from './serve-blob.ts'

export interface DownloadChoice {
  version?: string | undefined
  architecture?: string | undefined
  deviceId?: string | undefined
}

/** The package that a download names, for its publisher and for those who hold a quantity of it. */
export async function choosePackage(context: Context, appId: string, choice: DownloadChoice): Promise<ServedBlob> {
  const { db, caller } = context
  const [row] = await readApps(db, caller, { appId })
  if (!row) throw notFound(`The app ${appId}`)
  if (!row.app.own && !(await holdsQuantity(context, appId))) {
    throw new ProblemError('no-free-license', `Your account has no licenses for ${appId}: order some first.`)
  }
  if (choice.deviceId !== undefined) return await forDevice(context, appId, { ...choice, deviceId: choice.deviceId })
  const versions = (await readVersions(db, appId, choice.version)).filter(({ withdrawnAt }) => withdrawnAt === null)
  if (versions.length === 0) throw noVersion(appId, choice.version)
  return pickPackage(versions, choice.architecture)
}

/** Of the newest version that has a package for the architecture, the one made for it before the one for any. */
export function pickPackage(versions: AppVersion[], architecture: string | undefined): ServedBlob {
  for (const version of versions) {
    const fitting = version.packages.filter(
      ({ architectures }) => !architecture || architectures.length === 0 || architectures.includes(architecture),
    )
    const own = architecture ? fitting.filter(({ architectures }) => architectures.length > 0) : []
    const [first, ...more] = own.length > 0 ? own : fitting
    if (first && more.length > 0) throw ambiguous(version, [first, ...more])
    if (first) return served(version, first)
  }
  throw new ProblemError('incompatible', `No package here is made for the architecture ${architecture}.`)
}

/** A short-lived address of a package that this gateway is to install on one of its devices. */
export async function packageSource(
  { db, caller }: Context,
  packageId: string,
  { blobs, links }: { blobs: BlobStore; links: BlobLinks },
): Promise<{ url: string; size: number; sha256: string }> {
  const { rows } = await sql<{ sha256: string; size: number }>`
    SELECT p.sha256, p.size FROM app_package p WHERE p.package_id = ${packageId} AND EXISTS (
      SELECT 1 FROM installation i JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
      WHERE i.package_id = p.package_id AND i.presence = 'PRESENT' AND i.account_id = ${caller.accountId}
        AND d.gateway_id = ${caller.id})`.execute(db)
  const found = rows[0]
  if (!found) throw notFound(`The package ${packageId}, as one to install on a device of this gateway,`)
  const url = (await blobs.temporaryUrl(found.sha256, { seconds: blobLinkSeconds })) ?? links.make(found.sha256)
  return { url, size: found.size, sha256: found.sha256 }
}

async function holdsQuantity({ db, caller }: Context, appId: string): Promise<boolean> {
  const order = await db
    .selectFrom('app_order')
    .select('order_id')
    .where('account_id', '=', caller.accountId)
    .where('app_id', '=', appId)
    .where('state', '=', 'CONFIRMED')
    .limit(1)
    .executeTakeFirst()
  return order !== undefined
}

async function forDevice(
  { db, caller }: Context,
  appId: string,
  { deviceId, version }: DownloadChoice & { deviceId: string },
): Promise<ServedBlob> {
  const device = await db
    .selectFrom('device')
    .select(['app_formats as appFormats', 'architecture', 'platform_level as platformLevel'])
    .select(['firmware_version as firmwareVersion', 'unsigned_apps as unsignedApps'])
    .where('account_id', '=', caller.accountId)
    .where('device_id', '=', deviceId)
    .where(seesProjects(caller, sql.ref('device.project_ids')))
    .executeTakeFirst()
  if (!device) throw notFound(`The device ${deviceId}`)
  const found = await findFittingPackage(db, { device, appId, version })
  switch (found.kind) {
    case 'fits':
      return served({ appId, version: found.package.version }, found.package)
    case 'incompatible':
      throw new ProblemError('incompatible', found.detail)
    case 'none-published':
    case 'unknown-version':
      throw noVersion(appId, version)
  }
}

function served(
  { appId, version }: Pick<AppVersion, 'appId' | 'version'>,
  { sha256, size, format }: Pick<AppPackage, 'sha256' | 'size' | 'format'>,
): ServedBlob {
  const mediaType = format === 'apk' ? 'application/vnd.android.package-archive' : 'application/octet-stream'
  return { sha256, size, mediaType, fileName: `${appId}-${version}.${format}` }
}

function noVersion(appId: string, version: string | undefined): ProblemError {
  return notFound(version ? `Version ${version} of ${appId}` : `A published version of ${appId}`)
}

function ambiguous({ appId, version }: AppVersion, packages: AppPackage[]): ProblemError {
  return new ProblemError(
    'package-ambiguous',
    `Version ${version} of ${appId} has ${packages.length} packages that fit: say which by architecture or deviceId.`,
    {
      errors: packages.map(({ format, architectures }) => ({
        pointer: '/architecture',
        code: architectures.join(',') || 'any',
        detail: `.${format} for ${architectures.join(', ') || 'any architecture'}`,
      })),
    },
  )
}
