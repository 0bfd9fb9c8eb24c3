import type { Permission } from '@ocelli/contract'
import type { Caller } from '../../platform/auth/caller.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { OrderRole, OrderRow } from './order-store.ts'

const permissionOf: Record<OrderRole, Permission> = {
  buyer: 'store:purchase',
  publisher: 'apps:publish',
  operator: 'platform:operate',
}

/** The roles in which a caller may act on orders at all; 403 when there is none. */
export function requireRoles(caller: Caller, roles: OrderRole[]): OrderRole[] {
  const held = roles.filter((role) => caller.permissions.has(permissionOf[role]))
  if (held.length > 0) return held
  const needed = roles.map((role) => permissionOf[role])
  throw new ProblemError('permission-missing', `This needs the permission ${needed.join(' or ')}.`, {
    ...(needed[0] ? { requiredPermission: needed[0] } : {}),
  })
}

/** A buyer confirms nothing for itself, whatever it may buy: only the app's publisher or the instance administrator. */
export function requireConfirmer(caller: Caller, { publisherId }: OrderRow): void {
  if (caller.permissions.has('platform:operate')) return
  if (caller.permissions.has('apps:publish') && publisherId === caller.accountId) return
  throw new ProblemError(
    'permission-missing',
    "An order is confirmed by the app's publisher (apps:publish) or by the instance administrator.",
    { requiredPermission: 'platform:operate' },
  )
}

/** In which roles an order is looked at: everybody sees the own account's; the others need their permission. */
export function viewRoles(caller: Caller): OrderRole[] {
  const more = (['publisher', 'operator'] as const).filter((role) => caller.permissions.has(permissionOf[role]))
  return ['buyer', ...more]
}

export function unitsInUse(used: number, wanted: number): ProblemError {
  const detail = `${used} ${used === 1 ? 'unit of this order is' : 'units of this order are'} in use`
  return new ProblemError('units-in-use', `${detail}, so ${wanted} cannot be left. Release licenses first.`, {
    errors: [{ pointer: '/quantity', code: 'units-in-use', detail: `${used} in use` }],
  })
}
