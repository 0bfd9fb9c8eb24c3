import { attribute, childrenNamed, childText, type XmlElement } from './xml-element.ts'

/** States of an app by the standard; `Unknown` stands for words it does not have. */
export type AppState =
  | 'Active'
  | 'Inactive'
  | 'Installing'
  | 'Uninstalling'
  | 'Removed'
  | 'InstallationFailed'
  | 'Unknown'

/** A license as the camera lists it; null for a date that it does not name, or not as xs:dateTime. */
export type AppLicense = { name: string; validFrom: Date | null; validUntil: Date | null }

/**
 * An app as GetAppsInfo lists it: empty texts for what is missing, null for missing dates and links. Dates without a zone are
 * read as UTC.
 */
export type AppInfo = {
  appId: string
  name: string
  version: string
  licenses: AppLicense[]
  privileges: string[]
  installationDate: Date | null
  /** When this version was installed, by the camera's clock. */
  lastUpdate: Date | null
  state: AppState
  /** The camera's own words; the reason where something failed. */
  status: string
  isAutostarted: boolean
  website: string | null
  openSource: string | null
  configuration: string | null
  interfaceDescriptions: string[]
}

/** Attributes of the Capabilities element. `uploadPath` is as reported, null when the camera names none. */
export type AppManagementCapabilities = {
  formats: string[]
  licensing: boolean
  uploadPath: string | null
  eventTopicPrefix: string | null
  /** Where schemas of 20.12 and 21.06 put the device id. */
  deviceId: string | null
}

const STATES = new Map<string, AppState>([
  ['active', 'Active'],
  ['inactive', 'Inactive'],
  ['installing', 'Installing'],
  ['uninstalling', 'Uninstalling'],
  // The specification's prose says DeInstalling once, and firmware is written from prose.
  ['deinstalling', 'Uninstalling'],
  ['removed', 'Removed'],
  ['installationfailed', 'InstallationFailed'],
])

/** `Unknown` for a word that is none of the specification's. */
export function readAppState(text: string | undefined): AppState {
  return STATES.get(text?.trim().toLowerCase() ?? '') ?? 'Unknown'
}

/** The apps of a `GetAppsInfoResponse`; an entry without an id is no app. */
export function readAppsInfo(response: XmlElement): AppInfo[] {
  return childrenNamed(response, 'Info')
    .map(readAppInfo)
    .filter((app) => app.appId !== '')
}

function readAppInfo(info: XmlElement): AppInfo {
  const texts = (name: string) => childrenNamed(info, name).map((element) => element.text.trim())
  return {
    appId: childText(info, 'AppID') ?? '',
    name: childText(info, 'Name') ?? '',
    version: childText(info, 'Version') ?? '',
    licenses: childrenNamed(info, 'Licenses').map((license) => ({
      name: childText(license, 'Name') ?? '',
      validFrom: readDateTime(childText(license, 'ValidFrom')),
      validUntil: readDateTime(childText(license, 'ValidUntil')),
    })),
    privileges: texts('Privileges'),
    installationDate: readDateTime(childText(info, 'InstallationDate')),
    lastUpdate: readDateTime(childText(info, 'LastUpdate')),
    state: readAppState(childText(info, 'State')),
    status: childText(info, 'Status') ?? '',
    isAutostarted: readBoolean(childText(info, 'Autostart')),
    website: childText(info, 'Website') || null,
    openSource: childText(info, 'OpenSource') || null,
    configuration: childText(info, 'Configuration') || null,
    interfaceDescriptions: texts('InterfaceDescription'),
  }
}

export function readCapabilities(element: XmlElement): AppManagementCapabilities {
  return {
    formats: (attribute(element, 'FormatsSupported') ?? '').split(/[\s,]+/).filter((format) => format !== ''),
    licensing: readBoolean(attribute(element, 'Licensing')),
    uploadPath: attribute(element, 'UploadPath')?.trim() || null,
    eventTopicPrefix: attribute(element, 'EventTopicPrefix')?.trim() || null,
    deviceId: attribute(element, 'DeviceID') || null,
  }
}

function readBoolean(text: string | undefined): boolean {
  return text === 'true' || text === '1'
}

// xs:dateTime without a zone is read as UTC: ONVIF wants UTC, and cameras forget the Z.
function readDateTime(text: string | undefined): Date | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?$/.exec(text ?? '')
  if (match === null) return null
  const date = new Date(`${match[1]}${match[2] ?? 'Z'}`)
  return Number.isNaN(date.getTime()) ? null : date
}
