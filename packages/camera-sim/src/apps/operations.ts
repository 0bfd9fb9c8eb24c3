import { requiredText } from '../soap/envelope.ts'
import type { SoapService } from '../soap/operation.ts'
import { faults } from '../soap/soap-fault.ts'
import { namespaces } from '../xml/namespaces.ts'
import { childText } from '../xml/reader.ts'
import { formatDateTime } from '../xml/time-values.ts'
import { type Xml, xml } from '../xml/writer.ts'
import type { InstalledApp, InstalledLicense } from './app.ts'
import type { AppStore } from './app-store.ts'
import type { Lifecycle } from './lifecycle.ts'

export const uploadPath = '/onvif/app_upload'
/** Followed by the app's id: where an app's configuration is handed out and taken back. */
export const configurationPath = '/onvif/app_configuration/'
export const packageFormats: readonly string[] = ['application/vnd.android.package-archive', 'application/octet-stream']

export interface AppOperationOptions {
  store: AppStore
  lifecycle: Lifecycle
  deviceId: () => string
  hasConfiguration: (appId: string) => boolean
}

/** ans:Capabilities, the one element of AppMgmt with a qualified use elsewhere (in tds:GetServices). */
export const appCapabilityAttributes = xml`UploadPath="${uploadPath}" Licensing="true" FormatsSupported="${packageFormats.join(' ')}"`

/** The Application Management service. Its schema has no elementFormDefault: children are in no namespace. */
export function createAppService(options: AppOperationOptions): SoapService {
  const { store, lifecycle, deviceId, hasConfiguration } = options
  const empty = (name: string): Xml => ({ markup: `<ans:${name}Response/>` })
  return {
    namespaces: [namespaces.ans],
    childNamespace: () => '',
    replyAction: null,
    operations: {
      GetServiceCapabilities: {
        access: 'PRE_AUTH',
        children: [],
        run: () => xml`
          <ans:GetServiceCapabilitiesResponse>
            <Capabilities ${appCapabilityAttributes}/>
          </ans:GetServiceCapabilitiesResponse>`,
      },
      GetInstalledApps: {
        access: 'READ_SYSTEM',
        children: [],
        run: () => xml`
          <ans:GetInstalledAppsResponse>
            ${store.all().map((app) => xml`<App><Name>${app.name}</Name><AppID>${app.appId}</AppID></App>`)}
          </ans:GetInstalledAppsResponse>`,
      },
      GetAppsInfo: {
        access: 'READ_SYSTEM',
        children: ['AppID'],
        run({ body }) {
          const appId = childText(body, 'AppID')?.trim()
          const apps = appId === undefined ? store.all() : [lifecycle.appNamed(appId)]
          return xml`<ans:GetAppsInfoResponse>${apps.map((app) => writeInfo(app, hasConfiguration(app.appId)))}</ans:GetAppsInfoResponse>`
        },
      },
      Activate: {
        access: 'WRITE_SYSTEM',
        children: ['AppID'],
        async run({ body }) {
          await lifecycle.activate(requiredText(body, 'AppID'))
          return empty('Activate')
        },
      },
      Deactivate: {
        access: 'WRITE_SYSTEM',
        children: ['AppID'],
        run({ body }) {
          lifecycle.deactivate(requiredText(body, 'AppID'))
          return empty('Deactivate')
        },
      },
      Uninstall: {
        access: 'WRITE_SYSTEM',
        children: ['AppID'],
        run({ body }) {
          lifecycle.uninstall(requiredText(body, 'AppID'))
          return empty('Uninstall')
        },
      },
      InstallLicense: {
        access: 'WRITE_SYSTEM',
        children: ['AppID', 'License'],
        async run({ body }) {
          const text = requiredText(body, 'License')
          const appId = childText(body, 'AppID')?.trim()
          if (appId === undefined) {
            throw faults.invalidValue('InvalidFormat', 'Licenses of this camera belong to one app: name its AppID.')
          }
          await lifecycle.installLicense(appId, text)
          return empty('InstallLicense')
        },
      },
      GetDeviceId: {
        access: 'READ_SYSTEM',
        children: [],
        run: () => xml`<ans:GetDeviceIdResponse><DeviceId>${deviceId()}</DeviceId></ans:GetDeviceIdResponse>`,
      },
    },
  }
}

/** Element order is that of the schema's ans:AppInfo; Website is mandatory there, and empty when there is none. */
function writeInfo(app: InstalledApp, hasConfiguration: boolean): Xml {
  return xml`
    <Info>
      <AppID>${app.appId}</AppID>
      <Name>${app.name}</Name>
      <Version>${app.version}</Version>
      ${app.licenses.map(writeLicense)}
      <InstallationDate>${formatDateTime(app.installedMs)}</InstallationDate>
      <LastUpdate>${formatDateTime(app.updatedMs)}</LastUpdate>
      <State>${app.state}</State>
      <Status>${app.status}</Status>
      <Autostart>${app.autostart}</Autostart>
      <Website></Website>
      ${hasConfiguration ? xml`<Configuration>${configurationPath}${encodeURIComponent(app.appId)}</Configuration>` : null}
    </Info>`
}

function writeLicense(license: InstalledLicense): Xml {
  const { licenseId, licenseType, validFromMs, validUntilMs } = license
  return xml`
    <Licenses>
      <Name>${licenseType} ${licenseId}</Name>
      <ValidFrom>${formatDateTime(validFromMs)}</ValidFrom>
      ${validUntilMs === null ? null : xml`<ValidUntil>${formatDateTime(validUntilMs)}</ValidUntil>`}
    </Licenses>`
}
