import type { Permission } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { ProblemError } from '../../platform/http/problem.ts'

/** projects:manage stands for projects:view and projects:edit, on all projects. */
export function checkProjectPermission(caller: Caller, permission: 'projects:view' | 'projects:edit'): void {
  const enough: Permission[] = [permission, 'projects:manage']
  if (enough.some((one) => caller.permissions.has(one))) return
  throw new ProblemError('permission-missing', `This needs the permission ${permission} or projects:manage.`, {
    requiredPermission: permission,
  })
}

/** Own projects, or all for those who see the whole account. */
export function seesProject(caller: Caller, projectId: RawBuilder<unknown>): RawBuilder<boolean> {
  if (caller.scope.all) return sql<boolean>`true`
  return sql<boolean>`${projectId} = ANY(${caller.scope.projectIds}::uuid[])`
}
