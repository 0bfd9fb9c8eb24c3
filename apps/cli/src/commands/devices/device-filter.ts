import type { DeviceFilter } from '@ocelli/sdk'
import { Option } from 'commander'
import type { CliCommand } from '../../cli-command.ts'

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
    .addOption(
      new Option('--state <state>', 'claimed, or known by their licenses only').choices(['CLAIMED', 'UNCLAIMED']),
    )
    .addOption(
      new Option('--connectivity <state>', 'how they answer').choices([
        'ONLINE',
        'OFFLINE',
        'UNKNOWN',
        'NOT_CONNECTED',
      ]),
    )
    .option('--updatable', 'an app on them can be updated')
    .option('--with-app <app>', 'this app is on them')
    .option('--project <id>', 'of this project')
    .option('--site <id>', 'of this site')
    .option('--gateway <id>', 'of this gateway')
    .option('--model <model>', 'of this model')
    .option('--customer <customer>', 'of this customer')
    .option('--tag <tag>', 'with this tag')
    .option('--search <text>', 'with this text in id, name, model, address or location')
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
