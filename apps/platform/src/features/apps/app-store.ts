import type { App, AppVersion, EapDetails, LicensePlacement, PackageFormat } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { type CallerColumns, seesApp } from '../../platform/auth/visibility.ts'
import type { Database } from '../../platform/database/database.ts'
import { licenseCheckedBy } from './license-checked-by.ts'

export interface AppFilter {
  appId?: string
  q?: string | undefined
  industry?: string | undefined
  useCase?: string | undefined
  own?: boolean | undefined
  page?: number | undefined
  size?: number | undefined
}

export interface AppRow {
  app: App
  accountId: string
}

/**
 * The condition under which a caller sees the app `a`: its own, listed ones, and those that it holds units of, within its
 * projects. An order that was never confirmed, called off or is over shows nothing that is not listed. OFFSET 0: looked up for
 * each app, never by a list of all that the account has ordered.
 */
export function appVisibleTo(caller: Caller | CallerColumns): RawBuilder<boolean> {
  const { accountId } = caller
  return sql<boolean>`((a.account_id = ${accountId} OR a.visibility = 'LISTED' OR EXISTS (
      SELECT 1 FROM app_order o WHERE o.account_id = ${accountId} AND o.app_id = a.app_id AND o.state = 'CONFIRMED' OFFSET 0))
    AND ${seesApp(caller, sql`a.app_id`)})`
}

export async function readApps(db: Database, caller: Caller, filter: AppFilter): Promise<AppRow[]> {
  const { appId, q, industry, useCase, own, page = 0, size = 1000 } = filter
  const pattern = q === undefined ? null : `%${q.replace(/[\\%_]/g, '\\$&')}%`
  const { rows } = await sql<StoredApp>`
    SELECT a.*, newest.version AS latest_version,
      ${licenseCheckedBy({ versionCode: sql`newest.version_code` })} AS license_checked_by, ARRAY(SELECT pa.project_id::text FROM project_app pa
        WHERE pa.account_id = ${caller.accountId} AND pa.app_id = a.app_id
          AND ${caller.scope.all ? sql`true` : sql`pa.project_id = ANY(${caller.scope.projectIds}::uuid[])`}
        ORDER BY 1) AS project_ids
    FROM app a LEFT JOIN LATERAL (SELECT v.version, v.version_code FROM app_version v WHERE v.app_id = a.app_id AND v.withdrawn_at IS NULL
      ORDER BY v.version_code DESC LIMIT 1) newest ON true
    WHERE ${appVisibleTo(caller)}
      AND ${appId === undefined ? sql`true` : sql`a.app_id = ${appId}`}
      AND (${pattern}::text IS NULL OR a.app_id ILIKE ${pattern} OR a.name ILIKE ${pattern} OR a.short_description ILIKE ${pattern})
      AND (${industry ?? null}::text IS NULL OR ${industry ?? null} = ANY(a.industries))
      AND (${useCase ?? null}::text IS NULL OR ${useCase ?? null} = ANY(a.use_cases))
      AND (${own ?? null}::boolean IS NULL OR (a.account_id = ${caller.accountId}) = ${own ?? null})
    ORDER BY a.app_id LIMIT ${size} OFFSET ${page * size}`.execute(db)
  return rows.map((row) => ({ app: toApp(row, caller), accountId: row.account_id }))
}

/** All versions, or the one named, newest first, with their packages. */
export async function readVersions(db: Database, appId: string, version?: string): Promise<AppVersion[]> {
  const { rows } = await sql<StoredPackage>`
    SELECT v.version, v.version_code, v.published_at AS version_published_at, v.withdrawn_at, p.*
    FROM app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
    WHERE v.app_id = ${appId} AND (${version ?? null}::text IS NULL OR v.version = ${version ?? null})
    ORDER BY v.version_code DESC, p.format, p.architectures, p.package_id`.execute(db)
  const versions = new Map<number, AppVersion>()
  for (const row of rows) {
    const known = versions.get(row.version_code) ?? {
      appId,
      version: row.version,
      versionCode: row.version_code,
      withdrawnAt: row.withdrawn_at,
      packages: [],
      publishedAt: row.version_published_at,
    }
    known.packages.push({
      packageId: row.package_id,
      format: row.format,
      architectures: row.architectures,
      minPlatformLevel: row.min_platform_level,
      size: row.size,
      sha256: row.sha256,
      signerCertificateSha256: row.signer_sha256,
      eap: row.eap,
      publishedAt: row.published_at,
    })
    versions.set(row.version_code, known)
  }
  return [...versions.values()]
}

/** The projects of an account that an app lies in, for its events. */
export async function projectsOfApp(db: Database, accountId: string, appId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('project_app')
    .select('project_id')
    .where('account_id', '=', accountId)
    .where('app_id', '=', appId)
    .execute()
  return rows.map((row) => row.project_id)
}

interface StoredApp {
  app_id: string
  account_id: string
  name: string
  short_description: string
  description: string
  industries: string[]
  use_cases: string[]
  integration_types: string[]
  website: string | null
  video_url: string | null
  image_urls: string[]
  trial_days: number
  license_placement: LicensePlacement | null
  visibility: App['visibility']
  latest_version: string | null
  license_checked_by: App['licenseCheckedBy']
  project_ids: string[]
  created_at: string
  updated_at: string
}

interface StoredPackage {
  version: string
  version_code: number
  version_published_at: string
  withdrawn_at: string | null
  package_id: string
  format: PackageFormat
  architectures: string[]
  min_platform_level: number | null
  size: number
  sha256: string
  signer_sha256: string | null
  eap: EapDetails | null
  published_at: string
}

function toApp(row: StoredApp, caller: Caller): App {
  return {
    appId: row.app_id,
    name: row.name,
    shortDescription: row.short_description,
    description: row.description,
    industries: row.industries,
    useCases: row.use_cases,
    integrationTypes: row.integration_types,
    website: row.website,
    videoUrl: row.video_url,
    imageUrls: row.image_urls,
    trialDays: row.trial_days,
    licensePlacement: row.license_placement,
    visibility: row.visibility,
    own: row.account_id === caller.accountId,
    latestVersion: row.latest_version,
    licenseCheckedBy: row.license_checked_by,
    projectIds: row.project_ids,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
