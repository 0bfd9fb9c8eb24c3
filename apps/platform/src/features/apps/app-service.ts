import {
  type App,
  type AppPatch,
  type AppVersion,
  isCameraParameterGroup,
  type LicensePlacement,
} from '@ocelli/contract'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { projectsOfApp, readApps, readVersions } from './app-store.ts'
import { refreshUpdatable } from './refresh-updatable.ts'

export async function readApp({ db, caller }: Context, appId: string): Promise<App> {
  const [row] = await readApps(db, caller, { appId })
  if (!row) throw notFound(`The app ${appId}`)
  return row.app
}

/** Versions of an app that the caller sees, newest first; withdrawn ones only for its publisher. */
export async function listVersions(context: Context, appId: string): Promise<AppVersion[]> {
  const { own } = await readApp(context, appId)
  const versions = await readVersions(context.db, appId)
  return own ? versions : versions.filter(({ withdrawnAt }) => withdrawnAt === null)
}

export async function readVersion(context: Context, appId: string, version: string): Promise<AppVersion> {
  const found = (await listVersions(context, appId)).find((candidate) => candidate.version === version)
  if (!found) throw notFound(`Version ${version} of ${appId}`)
  return found
}

const columns: Record<keyof AppPatch, string> = {
  name: 'name',
  shortDescription: 'short_description',
  description: 'description',
  industries: 'industries',
  useCases: 'use_cases',
  integrationTypes: 'integration_types',
  website: 'website',
  videoUrl: 'video_url',
  imageUrls: 'image_urls',
  trialDays: 'trial_days',
  licensePlacement: 'license_placement',
  visibility: 'visibility',
}

const asJson = (value: object | null): string | null => (value === null ? null : JSON.stringify(value))

/** Changes the listing of an own app. */
export async function changeApp(context: Context, appId: string, patch: AppPatch): Promise<App> {
  return await inTransaction(context.db, async (db) => {
    await requireOwn(db, context, appId)
    const { licensePlacement, ...plain } = patch
    if (licensePlacement) requireOwnPlace(appId, licensePlacement)
    const values = {
      ...plain,
      ...(licensePlacement === undefined ? {} : { licensePlacement: asJson(licensePlacement) }),
    }
    const changes = Object.entries(values).map(
      ([key, value]) => sql`${sql.ref(columns[key as keyof AppPatch])} = ${value}`,
    )
    await sql`UPDATE app SET ${sql.join(changes)}, updated_at = now() WHERE app_id = ${appId}`.execute(db)
    await emit(db, context, { type: 'app.changed', appId, data: patch })
    return await readApp({ ...context, db }, appId)
  })
}

/** With a name of the camera's own settings an app's license would be written among those, with an administrator's login. */
function requireOwnPlace(appId: string, { kind }: LicensePlacement): void {
  if (kind !== 'PARAMETER' || !isCameraParameterGroup(appId)) return
  const detail = `An Axis camera keeps settings of its own in root.${appId}, so ${appId} cannot have its license in a parameter. Name a path of the app ({"kind":"APP_PATH"}), or publish the app under another name.`
  throw new ProblemError('invalid-request', detail, {
    errors: [{ pointer: '/licensePlacement', code: 'not-own', detail }],
  })
}

/** Nobody installs or updates to a withdrawn version any more; where it is installed it stays. Again changes nothing. */
export async function withdrawVersion(context: Context, appId: string, version: string): Promise<AppVersion> {
  return await inTransaction(context.db, async (db) => {
    await requireOwn(db, context, appId)
    const withdrawn = await sql`UPDATE app_version SET withdrawn_at = now()
      WHERE app_id = ${appId} AND version = ${version} AND withdrawn_at IS NULL RETURNING version_code`.execute(db)
    const [found] = await readVersions(db, appId, version)
    if (!found) throw notFound(`Version ${version} of ${appId}`)
    if (withdrawn.rows.length > 0) {
      await allowLongStatements(db)
      await refreshUpdatable(db, { appId })
      const data = { version, versionCode: found.versionCode }
      await emit(db, context, { type: 'app.version-withdrawn', appId, data })
    }
    return found
  })
}

/** Locks the app, so that publishing and withdrawing of one app follow each other. */
async function requireOwn(db: DatabaseTransaction, { caller }: Context, appId: string): Promise<void> {
  const [row] = await readApps(db, caller, { appId, own: true })
  if (!row) throw notFound(`The app ${appId}, as one that your account publishes,`)
  await sql`SELECT 1 FROM app WHERE app_id = ${appId} FOR UPDATE`.execute(db)
}

async function emit(
  db: DatabaseTransaction,
  { origin, caller: { accountId } }: Context,
  event: { type: 'app.changed' | 'app.version-withdrawn'; appId: string; data: Record<string, unknown> },
): Promise<void> {
  await emitEvents(db, origin, [{ ...event, accountId, projectIds: await projectsOfApp(db, accountId, event.appId) }])
}
