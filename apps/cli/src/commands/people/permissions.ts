import type { Permission } from '@ocelli/contract'
import { permissions } from '@ocelli/contract'
import { wrongUsage } from '../../cli-error.ts'

/** Throws `wrong-usage` for what is none. */
export function toPermissions(names: readonly string[]): Permission[] {
  return [...new Set(names)].map((name) => {
    const known = permissions.find((permission) => permission === name)
    if (known) return known
    throw wrongUsage(`"${name}" is no permission. There are: ${permissions.join(', ')}.`)
  })
}
