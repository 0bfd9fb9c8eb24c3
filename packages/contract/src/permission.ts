import { type Static, Type } from 'typebox'
import { oneOf } from './schema.ts'

export const permissions = [
  'projects:view',
  'projects:edit',
  'projects:manage',
  'devices:view',
  'devices:edit',
  'devices:assign',
  'apps:view',
  'apps:install',
  'licenses:release',
  'apps:assign',
  'apps:publish',
  'store:purchase',
  'account:settings',
  'account:users',
  'account:payment',
  'audit:view',
  'platform:operate',
] as const
export const Permission = oneOf(permissions)
export type Permission = Static<typeof Permission>

/** As they are given to somebody: each once. */
export const PermissionSet = Type.Array(Permission, { uniqueItems: true })
