import type { Client, DeviceFilter } from '@ocelli/sdk'
import { gatewayIdOf, projectIdOf, siteIdOf } from '../../by-name.ts'
import type { CliCommand } from '../../cli-command.ts'
import { choiceOf } from '../../flag-values.ts'

/** Flags that choose devices, as the API's list filters them. */
export interface DeviceFilterFlags {
  state?: DeviceFilter['state']
  connectivity?: DeviceFilter['connectivity']
  updatable?: boolean
  withApp?: string
  project?: string
  site?: string
  gateway?: string
  model?: string
  customer?: string
  tag?: string
  search?: string
}

export function addDeviceFilter<Command extends CliCommand>(command: Command): Command {
  return command
    .addOption(choiceOf('--state <state>', 'claimed, or known by their licenses only', ['CLAIMED', 'UNCLAIMED']))
    .addOption(choiceOf('--connectivity <state>', 'how they answer', ['ONLINE', 'OFFLINE', 'UNKNOWN', 'NOT_CONNECTED']))
    .option('--updatable', 'an app on them can be updated')
    .option('--with-app <app>', 'this app is on them')
    .option('--project <project>', 'of this project, by name or id')
    .option('--site <site>', 'of this site, by name or id')
    .option('--gateway <gateway>', 'of this gateway, by name or id')
    .option('--model <model>', 'of this model')
    .option('--customer <customer>', 'of this customer')
    .option('--tag <tag>', 'with this tag')
    .option('--search <text>', 'with this text in id, name, model, address or location')
}

/** The same with ids where names were given. The platform is asked only for names. */
export async function withIds<Flags extends DeviceFilterFlags>(
  flags: Flags,
  connect: () => Promise<Client>,
): Promise<Flags> {
  const { project, site, gateway } = flags
  if (project === undefined && site === undefined && gateway === undefined) return flags
  const client = await connect()
  return {
    ...flags,
    ...(project === undefined ? {} : { project: await projectIdOf(project, client) }),
    ...(site === undefined ? {} : { site: await siteIdOf(site, client) }),
    ...(gateway === undefined ? {} : { gateway: await gatewayIdOf(gateway, client) }),
  }
}

/** Null when no flag chooses anything. */
export function toDeviceFilter(flags: DeviceFilterFlags): DeviceFilter | null {
  const { state, connectivity, updatable, withApp, project, site, gateway, model, customer, tag, search } = flags
  const filter = {
    ...{ state, connectivity, model, customer, tag },
    ...{ appsUpdatePossible: updatable ? true : undefined, appId: withApp, q: search },
    ...{ projectId: project, siteId: site, gatewayId: gateway },
  }
  const given = Object.entries(filter).filter(([, value]) => value !== undefined)
  return given.length > 0 ? (Object.fromEntries(given) as DeviceFilter) : null
}
