import type { Project, ProjectDetail } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { notFound } from '../../platform/http/problem.ts'
import { seesProject } from './project-access.ts'

const columns = [
  'p.project_id as projectId',
  'p.name as name',
  'p.description as description',
  sql<number>`(SELECT count(*) FROM project_member m WHERE m.project_id = p.project_id)`.as('memberCount'),
  sql<number>`(SELECT count(*) FROM project_device d WHERE d.project_id = p.project_id)`.as('deviceCount'),
  sql<number>`(SELECT count(*) FROM project_app a WHERE a.project_id = p.project_id)`.as('appCount'),
  'p.created_at as createdAt',
] as const

const visible = (db: Database, caller: Caller) =>
  db
    .selectFrom('project as p')
    .select(columns)
    .where('p.account_id', '=', caller.accountId)
    .where(seesProject(caller, sql.ref('p.project_id')))

export function listProjects(db: Database, caller: Caller): Promise<Project[]> {
  return visible(db, caller).orderBy('p.name').execute()
}

/** The project as the caller sees it; `not-found` when it does not. */
export async function readProject(db: Database, caller: Caller, projectId: string): Promise<ProjectDetail> {
  const project = await visible(db, caller).where('p.project_id', '=', projectId).executeTakeFirst()
  if (!project) throw notFound(`The project ${projectId}`)
  const members = await db
    .selectFrom('project_member as m')
    .innerJoin('account_user as u', 'u.user_id', 'm.user_id')
    .select(['u.user_id as userId', 'u.email', 'u.first_name as firstName', 'u.last_name as lastName'])
    .where('m.account_id', '=', caller.accountId)
    .where('m.project_id', '=', projectId)
    .orderBy('u.email')
    .execute()
  return { ...project, members }
}

/** Holds the project against removal until commit. */
export async function lockProject(db: Database, caller: Caller, projectId: string): Promise<void> {
  const row = await db
    .selectFrom('project as p')
    .select('p.project_id')
    .where('p.account_id', '=', caller.accountId)
    .where('p.project_id', '=', projectId)
    .where(seesProject(caller, sql.ref('p.project_id')))
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!row) throw notFound(`The project ${projectId}`)
}
