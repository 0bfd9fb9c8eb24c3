import type { Permission } from '@ocelli/contract'
import { permissions } from '@ocelli/contract'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'

/** As docs/permissions.md says at length. */
const meanings: Record<Permission, string> = {
  'projects:view': 'see own projects and their members',
  'projects:edit': 'create projects; change and remove own ones, add and remove their members',
  'projects:manage': 'both of these, on all projects of the account',
  'devices:view': 'see devices',
  'devices:edit': 'claim and unclaim, edit, transfer to another account',
  'devices:assign': 'add devices to own projects, and take them out',
  'apps:view': 'see apps, installations and licenses',
  'apps:install': 'install, update, uninstall, start, stop; make and renew licenses; make bundles; run rollouts',
  'apps:assign': 'add apps to own projects, and take them out',
  'apps:publish': 'publish apps and versions; trust keys for grants of own apps',
  'licenses:release': 'declare units free and devices lost; report removals',
  'store:purchase': 'order license quantities, import grants',
  'account:settings': 'name of the account, technical users, recovery key',
  'account:users': 'invite and remove people, set their permissions',
  'account:payment': 'payment methods',
  'audit:view': 'read events, audit licenses',
  'platform:operate': 'run the installation: accounts, orders of all; only in its first account',
}

/** Throws `wrong-usage` for what is none. */
export function toPermissions(names: readonly string[]): Permission[] {
  return [...new Set(names)].map((name) => {
    const known = permissions.find((permission) => permission === name)
    if (known) return known
    throw wrongUsage(`"${name}" is no permission. There are: ${permissions.join(', ')}.`)
  })
}

/** All permissions, and which of them the caller holds. */
export async function listPermissions({ client, out }: CommandContext): Promise<void> {
  const me = await (await client()).account.me()
  const rows = permissions.map((permission) => ({
    ...{ permission, held: me.permissions.includes(permission), allows: meanings[permission] },
  }))
  await out.list(rows, [
    { heading: 'PERMISSION', value: ({ permission }) => permission },
    { heading: 'HELD', value: ({ held }) => held },
    { heading: 'ALLOWS TO', value: ({ allows }) => allows },
  ])
}
