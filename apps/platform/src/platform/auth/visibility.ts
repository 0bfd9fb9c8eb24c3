import { type RawBuilder, sql } from 'kysely'
import type { Caller } from './caller.ts'

/**
 * The condition under which a caller sees a device: of its account (checked by the query itself), and in one of its
 * projects or in none. `projectIds` is the device's column, for example `sql.ref('device.project_ids')`.
 */
export function seesProjects(caller: Pick<Caller, 'scope'>, projectIds: RawBuilder<unknown>): RawBuilder<boolean> {
  if (caller.scope.all) return sql<boolean>`true`
  return sql<boolean>`(${projectIds} = '{}' OR ${projectIds} && ${caller.scope.projectIds}::uuid[])`
}

/** The same for an app, whose projects lie in project_app: those of the caller's own account count. */
export function seesApp(caller: Caller, appId: RawBuilder<unknown>): RawBuilder<boolean> {
  if (caller.scope.all) return sql<boolean>`true`
  return sql<boolean>`(NOT EXISTS (SELECT 1 FROM project_app pa WHERE pa.account_id = ${caller.accountId} AND pa.app_id = ${appId})
    OR EXISTS (SELECT 1 FROM project_app pa WHERE pa.account_id = ${caller.accountId} AND pa.app_id = ${appId}
               AND pa.project_id = ANY(${caller.scope.projectIds}::uuid[])))`
}
