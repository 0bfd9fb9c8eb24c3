import { type RawBuilder, sql } from 'kysely'
import type { Caller } from './caller.ts'

/** A caller as columns of a row, for statements that ask on behalf of many at once. */
export interface CallerColumns {
  accountId: RawBuilder<string>
  /** The whole account. */
  seesAll: RawBuilder<boolean>
  projectIds: RawBuilder<string[]>
}

/**
 * The condition under which a caller sees a device: of its account (checked by the query itself), and in one of its
 * projects or in none. `projectIds` is the device's column, for example `sql.ref('device.project_ids')`.
 */
export function seesProjects(
  caller: Pick<Caller, 'scope'> | CallerColumns,
  projectIds: RawBuilder<unknown>,
): RawBuilder<boolean> {
  if ('seesAll' in caller) return sql<boolean>`(${caller.seesAll} OR ${shareProject(projectIds, caller.projectIds)})`
  if (caller.scope.all) return sql<boolean>`true`
  return shareProject(projectIds, sql`${caller.scope.projectIds}::uuid[]`)
}

/** In an event's `project_ids`: seen by those alone who see the whole account, since no project has this id. */
const noProject = '00000000-0000-0000-0000-000000000000'

/** Projects of an event about what somebody made who saw these projects; null: the whole account. */
export const eventProjects = (projectIds: string[] | null): string[] => projectIds ?? [noProject]

/** The same for an app, whose projects lie in project_app: those of the caller's own account count. */
export function seesApp(caller: Caller | CallerColumns, appId: RawBuilder<unknown>): RawBuilder<boolean> {
  if ('seesAll' in caller) return sql<boolean>`(${caller.seesAll} OR ${isInProjects(appId, caller)})`
  if (caller.scope.all) return sql<boolean>`true`
  const { accountId, scope } = caller
  return isInProjects(appId, { accountId: sql`${accountId}`, projectIds: sql`${scope.projectIds}::uuid[]` })
}

function shareProject(projectIds: RawBuilder<unknown>, own: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`(${projectIds} = '{}' OR ${projectIds} && ${own})`
}

function isInProjects(
  appId: RawBuilder<unknown>,
  { accountId, projectIds }: Record<'accountId' | 'projectIds', RawBuilder<unknown>>,
): RawBuilder<boolean> {
  return sql<boolean>`(NOT EXISTS (SELECT 1 FROM project_app pa WHERE pa.account_id = ${accountId} AND pa.app_id = ${appId} OFFSET 0)
    OR EXISTS (SELECT 1 FROM project_app pa WHERE pa.account_id = ${accountId} AND pa.app_id = ${appId}
               AND pa.project_id = ANY(${projectIds}) OFFSET 0))`
}
