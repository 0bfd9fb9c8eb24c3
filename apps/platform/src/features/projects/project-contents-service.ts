import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { brokenConstraint, type Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { notFound } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { appVisibleTo } from '../apps/app-store.ts'
import { checkProjectPermission } from './project-access.ts'
import { lockProject } from './project-store.ts'

/** Who and what belongs to a project. Adding what is in, and removing what is not, changes nothing. */
export function createProjectContentsService({ forget }: { forget: () => void }) {
  const change = async (
    { db, caller, origin }: Context,
    projectId: string,
    run: (transaction: Database) => Promise<Omit<NewEvent, 'accountId'> | null>,
  ): Promise<void> => {
    await inTransaction(db, async (transaction) => {
      await lockProject(transaction, caller, projectId)
      const event = await run(transaction)
      if (event) {
        await emitEvents(transaction, origin, [
          { projectIds: [projectId], ...event, accountId: caller.accountId, data: { projectId, ...event.data } },
        ])
      }
    })
  }
  return {
    async addMember(context: Context, { projectId, userId }: { projectId: string; userId: string }): Promise<void> {
      checkProjectPermission(context.caller, 'projects:edit')
      await change(context, projectId, async (transaction) => {
        const { rows } = await sql`INSERT INTO project_member (account_id, project_id, user_id)
          VALUES (${context.caller.accountId}, ${projectId}, ${userId}) ON CONFLICT DO NOTHING RETURNING user_id`
          .execute(transaction)
          .catch((error: unknown) => refuseUnknown(error, `The user ${userId}`))
        return rows.length ? { type: 'project.changed', data: { userId, member: 'ADDED' } } : null
      })
      context.afterCommit(forget)
    },

    async removeMember(context: Context, { projectId, userId }: { projectId: string; userId: string }): Promise<void> {
      checkProjectPermission(context.caller, 'projects:edit')
      await change(context, projectId, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('project_member')
          .where('account_id', '=', context.caller.accountId)
          .where('project_id', '=', projectId)
          .where('user_id', '=', userId)
          .executeTakeFirst()
        return numDeletedRows ? { type: 'project.changed', data: { userId, member: 'REMOVED' } } : null
      })
      context.afterCommit(forget)
    },

    addDevice: (context: Context, { projectId, deviceId }: { projectId: string; deviceId: string }): Promise<void> =>
      change(context, projectId, async (transaction) => {
        await checkDevice(transaction, context, deviceId)
        const { rows } = await sql`INSERT INTO project_device (account_id, project_id, device_id)
          VALUES (${context.caller.accountId}, ${projectId}, ${deviceId}) ON CONFLICT DO NOTHING RETURNING device_id`
          .execute(transaction)
          .catch((error: unknown) => refuseUnknown(error, `The device ${deviceId}`))
        return rows.length ? { type: 'device.changed', deviceId, data: { project: 'ADDED' } } : null
      }),

    removeDevice: (context: Context, { projectId, deviceId }: { projectId: string; deviceId: string }): Promise<void> =>
      change(context, projectId, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('project_device')
          .where('account_id', '=', context.caller.accountId)
          .where('project_id', '=', projectId)
          .where('device_id', '=', deviceId)
          .executeTakeFirst()
        return numDeletedRows ? { type: 'device.changed', deviceId, data: { project: 'REMOVED' } } : null
      }),

    addApp: (context: Context, { projectId, appId }: { projectId: string; appId: string }): Promise<void> =>
      change(context, projectId, async (transaction) => {
        await checkApp(transaction, context, appId)
        const { rows } = await sql`INSERT INTO project_app (account_id, project_id, app_id)
          VALUES (${context.caller.accountId}, ${projectId}, ${appId}) ON CONFLICT DO NOTHING RETURNING app_id`.execute(
          transaction,
        )
        return rows.length ? { type: 'project.changed', appId, data: { app: 'ADDED' } } : null
      }),

    removeApp: (context: Context, { projectId, appId }: { projectId: string; appId: string }): Promise<void> =>
      change(context, projectId, async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('project_app')
          .where('account_id', '=', context.caller.accountId)
          .where('project_id', '=', projectId)
          .where('app_id', '=', appId)
          .executeTakeFirst()
        return numDeletedRows ? { type: 'project.changed', appId, data: { app: 'REMOVED' } } : null
      }),
  }
}

async function checkDevice(db: Database, { caller }: Context, deviceId: string): Promise<void> {
  const row = await db
    .selectFrom('device as d')
    .select('d.device_id')
    .where('d.account_id', '=', caller.accountId)
    .where('d.device_id', '=', deviceId)
    .where(seesProjects(caller, sql.ref('d.project_ids')))
    .executeTakeFirst()
  if (!row) throw notFound(`The device ${deviceId}`)
}

async function checkApp(db: Database, { caller }: Context, appId: string): Promise<void> {
  const { rows } = await sql`SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${appVisibleTo(caller)}`.execute(db)
  if (rows.length === 0) throw notFound(`The app ${appId}`)
}

function refuseUnknown(error: unknown, what: string): never {
  if (brokenConstraint(error)?.code === '23503') throw notFound(what)
  throw error
}
