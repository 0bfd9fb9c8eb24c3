import type { AppVersion, AppVisibility } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesApp } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { projectsOfApp, readVersions } from './app-store.ts'
import { lockBlob, type UploadedPackage } from './package-upload.ts'
import { refreshUpdatable } from './refresh-updatable.ts'

export interface PublishOptions {
  /** Of an app published for the first time; PRIVATE by default. */
  visibility?: AppVisibility | undefined
  name?: string | undefined
}

/**
 * Publishes a package that was read: the first of its app makes the app, and the app this account's. The very file that
 * is published already is a success that changes nothing. The app's row is locked, so of two uploads one is judged by
 * what the other left.
 */
export async function publishPackage(
  context: Context,
  { content, blob }: UploadedPackage,
  options: PublishOptions,
): Promise<{ version: AppVersion; isNew: boolean }> {
  const { caller } = context
  const { appId, versionCode, versionName, signer } = content
  return await inTransaction(context.db, async (db) => {
    const name = (options.name ?? content.label ?? '').trim().slice(0, 200) || appId
    const first = await sql`INSERT INTO app (app_id, account_id, name, visibility, signer_sha256)
      VALUES (${appId}, ${caller.accountId}, ${name}, ${options.visibility ?? 'PRIVATE'}, ${signer.certificateSha256})
      ON CONFLICT DO NOTHING RETURNING app_id`.execute(db)
    const isFirst = first.rows.length > 0
    await lockOwnApp(db, context, { appId, certificateSha256: signer.certificateSha256 })
    const published = await sameFile(db, appId, blob.sha256)
    if (published) return { version: await oneVersion(db, appId, published), isNew: false }
    await judgeVersion(db, content)

    await lockBlob(db, blob.sha256)
    // kept before the transaction began; a refused upload of the same bytes may have removed them since
    await blob.keep()
    await sql`INSERT INTO blob (sha256, size) VALUES (${blob.sha256}, ${blob.size}) ON CONFLICT DO NOTHING`.execute(db)
    await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, ${versionCode}, ${versionName})
      ON CONFLICT (app_id, version_code) DO NOTHING`.execute(db)
    await sql`INSERT INTO app_package (app_id, version_code, format, architectures, min_platform_level, size, sha256, signer_sha256)
      VALUES (${appId}, ${versionCode}, ${content.format}, ${content.architectures}, ${content.minPlatformLevel},
        ${blob.size}, ${blob.sha256}, ${signer.certificateSha256})`.execute(db)
    await refreshUpdatable(db, { appId })
    const event = { accountId: caller.accountId, appId, projectIds: await projectsOfApp(db, caller.accountId, appId) }
    const data = { version: versionName, versionCode, sha256: blob.sha256, size: blob.size }
    await emitEvents(db, context.origin, [
      ...(isFirst ? [{ ...event, type: 'app.published' as const, data: { name } }] : []),
      { ...event, type: 'app.version-published', data },
    ])
    return { version: await oneVersion(db, appId, versionName), isNew: true }
  })
}

async function lockOwnApp(
  db: DatabaseTransaction,
  { caller }: Context,
  { appId, certificateSha256 }: { appId: string; certificateSha256: string },
): Promise<void> {
  const { rows } = await sql<{ account_id: string; signer_sha256: string; sees: boolean }>`
    SELECT account_id, signer_sha256, ${seesApp(caller, sql`app.app_id`)} AS sees FROM app WHERE app_id = ${appId} FOR UPDATE`.execute(
    db,
  )
  const app = rows[0]
  if (app?.account_id !== caller.accountId) {
    throw new ProblemError('package-foreign-app', `The app ${appId} belongs to another publisher on this platform.`)
  }
  if (!app.sees) throw notFound(`The app ${appId}`)
  if (app.signer_sha256 !== certificateSha256) {
    throw new ProblemError(
      'package-other-signer',
      `The app ${appId} is signed by the certificate ${app.signer_sha256}, this package by ${certificateSha256}. Sign it with the key of the versions before.`,
    )
  }
}

async function sameFile(db: DatabaseTransaction, appId: string, sha256: string): Promise<string | null> {
  const row = await db
    .selectFrom('app_package as p')
    .innerJoin('app_version as v', (join) =>
      join.onRef('v.app_id', '=', 'p.app_id').onRef('v.version_code', '=', 'p.version_code'),
    )
    .select(['v.version', 'v.withdrawn_at'])
    .where('p.app_id', '=', appId)
    .where('p.sha256', '=', sha256)
    .executeTakeFirst()
  if (row?.withdrawn_at) throw withdrawn(row.version)
  return row?.version ?? null
}

/** A package comes with a version of its own, newer than all, or joins the newest as one for other cameras. */
async function judgeVersion(db: DatabaseTransaction, content: UploadedPackage['content']): Promise<void> {
  const { appId, versionCode, versionName, format, architectures } = content
  const newest = (await readVersions(db, appId))[0]
  if (!newest || versionCode > newest.versionCode) {
    const namesake = newest && (await readVersions(db, appId, versionName))[0]
    if (!namesake) return
    throw notNewer(`Version ${versionName} is published already, with the version code ${namesake.versionCode}`)
  }
  if (versionCode < newest.versionCode || versionName !== newest.version) {
    throw notNewer(`The newest version is ${newest.version} with the version code ${newest.versionCode}`)
  }
  if (newest.withdrawnAt) throw withdrawn(newest.version)
  const kind = (part: { format: string; architectures: string[] }) => `${part.format}/${part.architectures.join()}`
  if (newest.packages.some((part) => kind(part) === kind({ format, architectures }))) {
    throw notNewer(
      `Version ${newest.version} (version code ${newest.versionCode}) is published already, with another file`,
    )
  }
}

function withdrawn(version: string): ProblemError {
  return notNewer(`Version ${version} was withdrawn`)
}

function notNewer(reason: string): ProblemError {
  return new ProblemError('package-not-newer', `${reason}. Raise version code and version name of the package.`)
}

async function oneVersion(db: DatabaseTransaction, appId: string, version: string): Promise<AppVersion> {
  const [found] = await readVersions(db, appId, version)
  if (!found) throw new Error(`Version ${version} of ${appId} is not there after publishing it.`)
  return found
}
