import { type CameraClock, readCameraTime } from './camera-clock.ts'
import { NAMESPACE } from './namespaces.ts'
import { OnvifError } from './onvif-error.ts'
import { type CallOptions, callService, type ServiceContext } from './service-call.ts'
import { child, childrenNamed, childText, descend, type XmlElement } from './xml-element.ts'

/** A service a camera offers. `xAddr` is as reported and only its path may be trusted. */
export type Service = {
  namespace: string
  xAddr: string
  version: { major: number; minor: number } | null
  /** The service's own Capabilities element, where the camera included it. */
  capabilities: XmlElement | null
}

/** GetDeviceInformation in the camera's words; null for what it leaves out or leaves empty. */
export type DeviceInformation = {
  manufacturer: string | null
  model: string | null
  firmwareVersion: string | null
  serialNumber: string | null
  hardwareId: string | null
}

/** A scope of WS-Discovery, `onvif://www.onvif.org/...`; a fixed one cannot be changed by clients. */
export type Scope = { item: string; isFixed: boolean }

/** `macAddress` as `AC:CC:8E:12:34:56`, null where the camera gives none of twelve hex digits. */
export type NetworkInterface = { token: string; name: string | null; macAddress: string | null; isEnabled: boolean }

/** `offsetMs` is the camera's clock minus ours; both are null when the camera does not tell its time in a usable way. */
export type SystemDateAndTime = { utc: Date | null; offsetMs: number | null }

/** Asks without a login first; cameras that demand one for the time get it. */
export async function getSystemDateAndTime(
  context: ServiceContext,
  clock: CameraClock,
  options: CallOptions,
): Promise<SystemDateAndTime> {
  const sentMs = clock.nowMs()
  const response = await callService(context, {
    name: 'GetSystemDateAndTime',
    access: 'open',
    isIdempotent: true,
    ...options,
  })
  const utc = readCameraTime(response)
  return { utc, offsetMs: clock.measured(utc, sentMs) }
}

/** Sets the camera's clock by hand (UTC), with its daylight saving off and its time zone kept. */
export async function setSystemDateAndTime(context: ServiceContext, date: Date, options: CallOptions): Promise<void> {
  const part = (name: string, value: number) => `<tt:${name}>${value}</tt:${name}>`
  const time =
    part('Hour', date.getUTCHours()) + part('Minute', date.getUTCMinutes()) + part('Second', date.getUTCSeconds())
  const day =
    part('Year', date.getUTCFullYear()) + part('Month', date.getUTCMonth() + 1) + part('Day', date.getUTCDate())
  await callService(context, {
    name: 'SetSystemDateAndTime',
    children:
      '<tds:DateTimeType>Manual</tds:DateTimeType><tds:DaylightSavings>false</tds:DaylightSavings>' +
      `<tds:UTCDateTime xmlns:tt="${NAMESPACE.schema}"><tt:Time>${time}</tt:Time><tt:Date>${day}</tt:Date></tds:UTCDateTime>`,
    isIdempotent: false,
    ...options,
  })
}

/** GetServices with capabilities. */
export async function getServices(context: ServiceContext, options: CallOptions): Promise<Service[]> {
  const response = await callService(context, {
    name: 'GetServices',
    children: '<tds:IncludeCapability>true</tds:IncludeCapability>',
    access: 'open',
    isIdempotent: true,
    ...options,
  })
  return childrenNamed(response, 'Service')
    .map(readService)
    .filter((service) => service.namespace !== '')
}

function readService(element: XmlElement): Service {
  const version = child(element, 'Version')
  const [major, minor] = [Number(childText(version, 'Major')), Number(childText(version, 'Minor'))]
  return {
    namespace: childText(element, 'Namespace') ?? '',
    xAddr: childText(element, 'XAddr') ?? '',
    version: Number.isInteger(major) && Number.isInteger(minor) ? { major, minor } : null,
    capabilities: child(element, 'Capabilities')?.children[0] ?? null,
  }
}

/** What GetCapabilities, older than GetServices, tells of the device and event services. It cannot name app management. */
export async function getServicesFromCapabilities(context: ServiceContext, options: CallOptions): Promise<Service[]> {
  const response = await callService(context, {
    name: 'GetCapabilities',
    children: '<tds:Category>All</tds:Category>',
    access: 'open',
    isIdempotent: true,
    ...options,
  })
  const capabilities = child(response, 'Capabilities')
  const places: [string, string][] = [
    ['Device', NAMESPACE.device],
    ['Events', NAMESPACE.events],
  ]
  return places.flatMap(([name, namespace]) => {
    const xAddr = childText(child(capabilities, name), 'XAddr')
    return xAddr === undefined ? [] : [{ namespace, xAddr, version: null, capabilities: null }]
  })
}

/** Needs a login. Empty values, which cameras send for what they do not have, are null. */
export async function getDeviceInformation(context: ServiceContext, options: CallOptions): Promise<DeviceInformation> {
  const response = await callService(context, { name: 'GetDeviceInformation', isIdempotent: true, ...options })
  const text = (name: string) => childText(response, name) || null
  return {
    manufacturer: text('Manufacturer'),
    model: text('Model'),
    firmwareVersion: text('FirmwareVersion'),
    serialNumber: text('SerialNumber'),
    hardwareId: text('HardwareId'),
  }
}

/** Needs a login. */
export async function getScopes(context: ServiceContext, options: CallOptions): Promise<Scope[]> {
  const response = await callService(context, { name: 'GetScopes', isIdempotent: true, ...options })
  return childrenNamed(response, 'Scopes').flatMap((scope) => {
    const item = childText(scope, 'ScopeItem')
    return item === undefined ? [] : [{ item, isFixed: childText(scope, 'ScopeDef') === 'Fixed' }]
  })
}

/** The camera's own id on the network (`urn:uuid:...`), the same as in discovery. Licenses never bind to it. */
export async function getEndpointReference(context: ServiceContext, options: CallOptions): Promise<string> {
  const response = await callService(context, {
    name: 'GetEndpointReference',
    access: 'open',
    isIdempotent: true,
    ...options,
  })
  const guid = childText(response, 'GUID') ?? ''
  if (guid === '') throw new OnvifError('bad-reply', 'The camera answered without its endpoint reference.')
  return guid
}

/** Needs a login. MAC addresses come in upper case with colons, whatever the camera writes. */
export async function getNetworkInterfaces(context: ServiceContext, options: CallOptions): Promise<NetworkInterface[]> {
  const response = await callService(context, { name: 'GetNetworkInterfaces', isIdempotent: true, ...options })
  return childrenNamed(response, 'NetworkInterfaces').map((element) => ({
    token: element.attributes.find(({ name }) => name === 'token')?.value ?? '',
    name: childText(descend(element, 'Info'), 'Name') || null,
    macAddress: normalMac(childText(descend(element, 'Info'), 'HwAddress') ?? ''),
    isEnabled: childText(element, 'Enabled') === 'true',
  }))
}

function normalMac(text: string): string | null {
  const digits = text.replace(/[^0-9a-f]/gi, '').toUpperCase()
  return digits.length === 12 ? (digits.match(/../g) ?? []).join(':') : null
}
