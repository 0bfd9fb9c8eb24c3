import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import type { Client, DeviceFilter } from '@ocelli/sdk'
import type { CliCommand } from '../../cli-command.ts'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { readTextFile } from '../../profile/private-file.ts'
import { addDeviceFilter, type DeviceFilterFlags, toDeviceFilter, withIds } from './device-filter.ts'

export interface SelectionFlags extends DeviceFilterFlags {
  from?: string
  all?: boolean
}

/** Either the ones that are named, or those that match when they are looked at. */
export type Selection = { kind: 'listed'; deviceIds: string[] } | { kind: 'matching'; filter: DeviceFilter }

export function addSelection<Command extends CliCommand>(command: Command): Command {
  return addDeviceFilter(command)
    .option('--from <file>', 'ids of devices from a file, one a line; - reads what is piped in')
    .option('--all', 'every device of the account')
}

/** Throws `wrong-usage` for no choice, and for two at once. */
export async function selectDevices(
  named: string[],
  flags: SelectionFlags,
  context: Pick<CommandContext, 'cwd' | 'stdin' | 'client'>,
): Promise<Selection> {
  const filter = toDeviceFilter(flags)
  const ways = [named.length > 0, flags.from !== undefined, filter !== null, flags.all === true].filter(Boolean)
  if (ways.length === 0)
    throw wrongUsage('Say which devices: their ids, --from a file, a filter such as --tag, or --all.')
  if (ways.length > 1) throw wrongUsage('Choose devices in one way: by their ids, --from a file, filters, or --all.')
  if (filter !== null || flags.all) {
    return { kind: 'matching', filter: toDeviceFilter(await withIds(flags, context.client)) ?? {} }
  }
  const deviceIds = flags.from === undefined ? named : await readIds(flags.from, context)
  return { kind: 'listed', deviceIds: [...new Set(deviceIds)] }
}

/** How many there are now, for a question. */
export async function countDevices(selection: Selection, { devices }: Client): Promise<number> {
  if (selection.kind === 'listed') return selection.deviceIds.length
  return (await devices.page({ ...selection.filter, size: 1, count: true })).total ?? 0
}

/** Lines that are empty or begin with `#` are passed over. */
export async function readIds(file: string, { cwd, stdin }: Pick<CommandContext, 'cwd' | 'stdin'>): Promise<string[]> {
  const content = file === '-' ? await readAll(stdin) : await readTextFile(resolve(cwd, file))
  if (content === null) throw new CliError('file-failed', `There is no file ${resolve(cwd, file)}.`)
  const ids = content
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (ids.length === 0) throw wrongUsage(`${file === '-' ? 'What was piped in' : file} names no devices.`)
  return ids
}
