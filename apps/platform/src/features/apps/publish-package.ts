import type { AppPackage } from '@ocelli/app-package'
import type { AppVersion, AppVisibility } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesApp } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { projectsOfApp, readVersions } from './app-store.ts'
import { eapDetails } from './eap-details.ts'
import { lockBlob, type UploadedPackage } from './package-upload.ts'
import { placeVersion, wasWithdrawn } from './place-version.ts'
import { refreshUpdatable } from './refresh-updatable.ts'
import { assertSameMaker, signerOf } from './same-maker.ts'

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
  const { appId, versionName } = content
  return await inTransaction(context.db, async (db) => {
    const name = (options.name ?? content.label ?? '').trim().slice(0, 200) || appId
    const first = await sql`INSERT INTO app (app_id, account_id, name, visibility, signer_sha256)
      VALUES (${appId}, ${caller.accountId}, ${name}, ${options.visibility ?? 'PRIVATE'}, ${signerOf(content)})
      ON CONFLICT DO NOTHING RETURNING app_id`.execute(db)
    const isFirst = first.rows.length > 0
    await lockOwnApp(db, context, content)
    const published = await sameFile(db, appId, blob.sha256)
    if (published) return { version: await oneVersion(db, appId, published), isNew: false }
    await assertSameMaker(db, content)
    const versionCode = placeVersion(await readVersions(db, appId), content)

    await lockBlob(db, blob.sha256)
    // kept before the transaction began; a refused upload of the same bytes may have removed them since
    await blob.keep()
    await sql`INSERT INTO blob (sha256, size) VALUES (${blob.sha256}, ${blob.size}) ON CONFLICT DO NOTHING`.execute(db)
    await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, ${versionCode}, ${versionName})
      ON CONFLICT (app_id, version_code) DO NOTHING`.execute(db)
    await insertPackage(db, { content, blob, versionCode })
    await sql`UPDATE app SET signer_sha256 = ${signerOf(content)} WHERE app_id = ${appId}`.execute(db)
    await allowLongStatements(db)
    await refreshUpdatable(db, { appId })
    const event = { accountId: caller.accountId, appId, projectIds: await projectsOfApp(db, caller.accountId, appId) }
    const data = {
      ...{ version: versionName, versionCode, sha256: blob.sha256, size: blob.size },
      signerCertificateSha256: signerOf(content),
    }
    await emitEvents(db, context.origin, [
      ...(isFirst ? [{ ...event, type: 'app.published' as const, data: { name } }] : []),
      { ...event, type: 'app.version-published', data },
    ])
    return { version: await oneVersion(db, appId, versionName), isNew: true }
  })
}

async function insertPackage(
  db: DatabaseTransaction,
  { content, blob, versionCode }: UploadedPackage & { versionCode: number },
): Promise<void> {
  const { appId, format, architectures } = content
  const isEap = content.format === 'eap'
  const level = isEap ? null : content.minPlatformLevel
  const signatures = isEap ? null : content.signer.signatures
  const eap = isEap ? eapDetails(content) : null
  const isSigned = !isEap || content.signature !== null
  await sql`INSERT INTO app_package (app_id, version_code, format, architectures, min_platform_level, size, sha256, signer_sha256,
      signatures, eap, os_versions, is_signed)
    VALUES (${appId}, ${versionCode}, ${format}, ${architectures}, ${level}, ${blob.size}, ${blob.sha256}, ${signerOf(content)},
      ${signatures && JSON.stringify(signatures)}::jsonb, ${eap && JSON.stringify(eap)}::jsonb, ${JSON.stringify(eap?.osVersions ?? [])}::jsonb, ${isSigned})`.execute(
    db,
  )
}

async function lockOwnApp(db: DatabaseTransaction, { caller }: Context, { appId }: AppPackage): Promise<void> {
  const { rows } = await sql<{ account_id: string; sees: boolean }>`
    SELECT account_id, ${seesApp(caller, sql`app.app_id`)} AS sees FROM app WHERE app_id = ${appId} FOR UPDATE`.execute(
    db,
  )
  const app = rows[0]
  if (app?.account_id !== caller.accountId) {
    throw new ProblemError('package-foreign-app', `The app ${appId} belongs to another publisher on this platform.`)
  }
  if (!app.sees) throw notFound(`The app ${appId}`)
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
  if (row?.withdrawn_at) throw wasWithdrawn(row.version)
  return row?.version ?? null
}

async function oneVersion(db: DatabaseTransaction, appId: string, version: string): Promise<AppVersion> {
  const [found] = await readVersions(db, appId, version)
  if (!found) throw new Error(`Version ${version} of ${appId} is not there after publishing it.`)
  return found
}
