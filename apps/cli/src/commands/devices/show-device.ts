import type { CommandContext } from '../../command-context.ts'

export async function showDevice(deviceId: string, { client, out }: CommandContext): Promise<void> {
  const device = await (await client()).devices.get(deviceId)
  const explained = device.connectivityExplained
  out.one(device, [
    ['device', device.deviceId],
    ['state', device.state],
    ['name', device.name],
    ['model', [device.manufacturer, device.model].filter(Boolean).join(' ')],
    ['serial number', device.serialNumber],
    ['MAC address', device.macAddress],
    ['firmware', device.firmwareVersion],
    ['architecture', device.architecture],
    ['app formats', device.appFormats],
    ['driver', device.driver],
    ['identity from', device.identitySource],
    ['address', device.address],
    ['connectivity', device.connectivity],
    ['why', explained.detail],
    ['last seen', device.lastSeenAt],
    ['clock offset', device.clockOffsetSeconds === null ? null : `${device.clockOffsetSeconds} s`],
    ['possible replacement', explained.replacement?.address],
    ['site', device.siteId],
    ['gateway', device.gatewayId],
    ['projects', device.projectIds],
    ['customer', device.customer],
    ['location', device.location],
    ['tags', device.tags],
    ['updates possible', device.appsUpdatePossible],
    ['claimed', device.claimedAt],
  ])
}
