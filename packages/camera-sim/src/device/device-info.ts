/** What a camera says about itself, and where its services are. */
export interface DeviceInfo {
  manufacturer: string
  model: string
  firmwareVersion: string
  serialNumber: string
  macAddress: string
  /** UUID without `urn:uuid:`. */
  endpointId: string
}

export const paths = {
  device: '/onvif/device_service',
  events: '/onvif/event_service',
  apps: '/onvif/appmgmt',
  subscription: '/onvif/subscription/',
} as const

/** Scope items, fixed ones: name, hardware and profile are mandatory (ONVIF Core, discovery). */
export function scopesOf({ manufacturer, model, serialNumber, macAddress }: DeviceInfo): string[] {
  return [
    'Profile/Streaming',
    `name/${encodeURIComponent(`${manufacturer} ${model}`)}`,
    `hardware/${encodeURIComponent(model)}`,
    'location/simulated',
    `MacAddress/${macAddress}`,
    `SerialNumber/${encodeURIComponent(serialNumber)}`,
  ].map((item) => `onvif://www.onvif.org/${item}`)
}
