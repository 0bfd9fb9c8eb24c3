import type { Device } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import { atMost } from '../../output/at-most.ts'
import type { Column } from '../../output/table.ts'
import { type DeviceFilterFlags, toDeviceFilter, withIds } from './device-filter.ts'

export interface ListDevicesFlags extends DeviceFilterFlags {
  limit?: number
  count?: boolean
}

const columns: Column<Device>[] = [
  { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'MODEL', value: ({ manufacturer, model }) => [manufacturer, model].filter(Boolean).join(' ') },
  { heading: 'ADDRESS', value: ({ address }) => address },
  { heading: 'CONNECTIVITY', value: ({ state, connectivity }) => (state === 'UNCLAIMED' ? state : connectivity) },
  { heading: 'REASON', value: ({ connectivityReason }) => connectivityReason },
  { heading: 'CUSTOMER', value: ({ customer }) => customer },
  { heading: 'TAGS', value: ({ tags }) => tags },
]

export async function listDevices(flags: ListDevicesFlags, { client, out }: CommandContext): Promise<void> {
  const filter = toDeviceFilter(await withIds(flags, client)) ?? {}
  const { devices } = await client()
  if (flags.count) {
    const { total } = await devices.page({ ...filter, size: 1, count: true })
    out.text({ total }, String(total))
    return
  }
  // a page no larger than what is asked for
  const size = flags.limit === undefined ? 1000 : Math.min(flags.limit, 1000)
  await out.list(atMost(devices.list({ ...filter, size }), flags.limit), columns, { empty: 'No devices match.' })
}
