import type { DevicePatch } from '@ocelli/sdk'
import { gatewayIdOf, siteIdOf } from '../../by-name.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'

export interface EditDeviceFlags {
  name?: string
  customer?: string
  location?: string
  tags?: string
  addTag?: string[]
  removeTag?: string[]
  site?: string
  toGateway?: string
}

/** An empty text takes a value away. */
export async function editDevice(deviceId: string, flags: EditDeviceFlags, context: CommandContext): Promise<void> {
  const client = await context.client()
  const { devices } = client
  const site = flags.site === undefined ? undefined : await siteIdOf(flags.site, client)
  const patch = await toPatch({ ...flags, site }, async () => (await devices.get(deviceId)).tags)
  if (Object.keys(patch).length === 0 && flags.toGateway === undefined) {
    throw wrongUsage('Say what to change, such as --name or --add-tag; see: ocelli devices edit --help')
  }
  let device = Object.keys(patch).length > 0 ? await devices.change(deviceId, patch) : null
  if (flags.toGateway !== undefined)
    device = await devices.moveToGateway(deviceId, await gatewayIdOf(flags.toGateway, client))
  context.out.one(device, [
    ['device', device?.deviceId],
    ['name', device?.name],
    ['customer', device?.customer],
    ['location', device?.location],
    ['tags', device?.tags],
    ['site', device?.siteId],
    ['gateway', device?.gatewayId],
  ])
}

async function toPatch(flags: EditDeviceFlags, readTags: () => Promise<string[]>): Promise<DevicePatch> {
  const patch: DevicePatch = {}
  for (const field of ['name', 'customer', 'location'] as const) {
    const value = flags[field]
    if (value !== undefined) patch[field] = value === '' ? null : value
  }
  if (flags.site !== undefined) patch.siteId = flags.site
  if (flags.tags !== undefined)
    patch.tags = flags.tags
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean)
  const { addTag = [], removeTag = [] } = flags
  if (addTag.length > 0 || removeTag.length > 0) {
    const before = patch.tags ?? (await readTags())
    patch.tags = [...new Set([...before, ...addTag])].filter((tag) => !removeTag.includes(tag))
  }
  return patch
}

export async function unclaimDevice(
  deviceId: string,
  { keepLicenses }: { keepLicenses?: boolean },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Unclaim ${deviceId}? The platform will no longer reach it.`)
  await (await client()).devices.unclaim(deviceId, { keepLicenses })
  out.done({ deviceId, unclaimed: true }, `${deviceId} is unclaimed.`)
}
