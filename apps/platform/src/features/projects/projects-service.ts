import type { NewProject, Project, ProjectDetail, ProjectPatch } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { requireRoom } from '../../platform/database/require-room.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { checkProjectPermission } from './project-access.ts'
import { listProjects, lockProject, readProject } from './project-store.ts'

const perAccount = 10_000

export function createProjectsService({ forget }: { forget: () => void }) {
  return {
    async list({ db, caller }: Context): Promise<Project[]> {
      checkProjectPermission(caller, 'projects:view')
      return await listProjects(db, caller)
    },

    async get({ db, caller }: Context, projectId: string): Promise<ProjectDetail> {
      checkProjectPermission(caller, 'projects:view')
      return await readProject(db, caller, projectId)
    },

    /** Whoever creates a project belongs to it: it would be out of sight otherwise. */
    async create({ db, caller, origin, afterCommit }: Context, wanted: NewProject): Promise<ProjectDetail> {
      checkProjectPermission(caller, 'projects:edit')
      const { accountId } = caller
      const name = wanted.name.trim()
      const project = await inTransaction(db, async (transaction) => {
        await requireRoom(transaction, {
          rows: sql`SELECT 1 FROM project WHERE account_id = ${accountId}`,
          limit: perAccount,
          what: 'projects in this account',
          advice: 'Remove those that nobody needs any more.',
        })
        const { project_id: projectId } = await transaction
          .insertInto('project')
          .values({ account_id: accountId, name, description: wanted.description ?? '' })
          .returning('project_id')
          .executeTakeFirstOrThrow()
          .catch((error: unknown) => refuseTaken(error, name))
        await joinOwn(transaction, { caller, projectId })
        await emitEvents(transaction, origin, [
          { type: 'project.created', accountId, projectIds: [projectId], data: { projectId, name } },
        ])
        return await readProject(transaction, withProject(caller, projectId), projectId)
      })
      afterCommit(forget)
      return project
    },

    async change({ db, caller, origin }: Context, projectId: string, patch: ProjectPatch): Promise<ProjectDetail> {
      checkProjectPermission(caller, 'projects:edit')
      return await inTransaction(db, async (transaction) => {
        await lockProject(transaction, caller, projectId)
        const before = await readProject(transaction, caller, projectId)
        const name = patch.name?.trim() ?? before.name
        await transaction
          .updateTable('project')
          .set({ name, description: patch.description ?? before.description })
          .where('account_id', '=', caller.accountId)
          .where('project_id', '=', projectId)
          .execute()
          .catch((error: unknown) => refuseTaken(error, name))
        await emitEvents(transaction, origin, [
          {
            type: 'project.changed',
            accountId: caller.accountId,
            projectIds: [projectId],
            data: { projectId, nameBefore: before.name, name },
          },
        ])
        return await readProject(transaction, caller, projectId)
      })
    },

    /** Its devices and apps stay; those in no other project are seen by the whole account from then on. */
    async remove({ db, caller, origin, afterCommit }: Context, projectId: string): Promise<void> {
      checkProjectPermission(caller, 'projects:edit')
      await inTransaction(db, async (transaction) => {
        await lockProject(transaction, caller, projectId)
        const { name, deviceCount, appCount } = await readProject(transaction, caller, projectId)
        await transaction
          .deleteFrom('project')
          .where('account_id', '=', caller.accountId)
          .where('project_id', '=', projectId)
          .execute()
        await emitEvents(transaction, origin, [
          {
            type: 'project.removed',
            accountId: caller.accountId,
            projectIds: [projectId],
            data: { projectId, name, deviceCount, appCount },
          },
        ])
      })
      afterCommit(forget)
    },
  }
}

/** The caller as it will be read next time. */
function withProject(caller: Caller, projectId: string): Caller {
  if (caller.scope.all) return caller
  return { ...caller, scope: { all: false, projectIds: [...caller.scope.projectIds, projectId] } }
}

async function joinOwn(
  db: DatabaseTransaction,
  { caller, projectId }: { caller: Caller; projectId: string },
): Promise<void> {
  const row = { account_id: caller.accountId, project_id: projectId }
  if (caller.kind === 'user') {
    await db
      .insertInto('project_member')
      .values({ ...row, user_id: caller.id })
      .execute()
  } else if (!caller.scope.all) {
    await db
      .insertInto('technical_user_project')
      .values({ ...row, client_id: caller.id })
      .execute()
  }
}

function refuseTaken(error: unknown, name: string): never {
  if (brokenConstraint(error)?.code !== '23505') throw error
  throw new ProblemError('already-exists', `There is a project named "${name}" in this account already.`)
}
