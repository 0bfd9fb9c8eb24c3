import type { AuthenticationMode } from '../auth/gatekeeper.ts'
import type { PasswordChanges } from '../auth/password-change.ts'
import type { DeviceClock } from '../device-clock.ts'
import type { FaultSet } from '../faults.ts'
import { requiredText } from '../soap/envelope.ts'
import type { Operation, OperationContext, SoapService } from '../soap/operation.ts'
import { SoapFault, faults as soapFaults } from '../soap/soap-fault.ts'
import { namespaces } from '../xml/namespaces.ts'
import { type Xml, xml } from '../xml/writer.ts'
import { readDateTime, writeDateTime } from './date-time.ts'
import { type DeviceInfo, scopesOf } from './device-info.ts'
import { networkOperations } from './network-operations.ts'
import { writeCapabilities, writeDeviceCapabilities, writeServices } from './services.ts'
import { type OnvifUsers, userOperations } from './user-operations.ts'

export interface DeviceServiceOptions {
  info: () => DeviceInfo
  clock: DeviceClock
  faults: FaultSet
  authentication: () => AuthenticationMode
  /** Puts the clock right, as NTP does. */
  syncClock: () => void
  onClockSet: () => void
  /** Begins a reboot after the reply. */
  rebootSoon: () => void
  address: () => { host: string; port: number; isSecure: boolean }
  users: OnvifUsers
  passwords: PasswordChanges
  /** The other services that the camera has; all by default. */
  offers?: { events: boolean; apps: boolean }
}

/** The device management service, as far as clients need it on their way to apps. */
export function createDeviceService(options: DeviceServiceOptions): SoapService {
  return {
    namespaces: [namespaces.tds],
    childNamespace: () => namespaces.tds,
    replyAction: null,
    operations: {
      ...timeOperations(options),
      ...serviceOperations(options),
      ...identityOperations(options),
      ...userOperations(options),
      ...networkOperations(options),
      SystemReboot: {
        access: 'UNRECOVERABLE',
        children: [],
        run() {
          options.rebootSoon()
          return xml`<tds:SystemRebootResponse><tds:Message>Rebooting</tds:Message></tds:SystemRebootResponse>`
        },
      },
    },
  }
}

type Operations = Readonly<Record<string, Operation>>

function timeOperations({ clock, faults, syncClock, onClockSet }: DeviceServiceOptions): Operations {
  return {
    GetSystemDateAndTime: {
      access: 'PRE_AUTH',
      children: [],
      run: () => xml`
        <tds:GetSystemDateAndTimeResponse>
          ${writeDateTime(clock.nowMs(), faults.get('utcDateTimeMissing') === true)}
        </tds:GetSystemDateAndTimeResponse>`,
    },
    SetSystemDateAndTime: {
      access: 'WRITE_SYSTEM',
      children: ['DateTimeType', 'DaylightSavings', 'TimeZone', 'UTCDateTime'],
      run({ body }) {
        const timeMs = readDateTime(body)
        if (timeMs === null) syncClock()
        else clock.set(timeMs)
        onClockSet()
        return xml`<tds:SetSystemDateAndTimeResponse/>`
      },
    },
  }
}

function serviceOperations({ faults, authentication, offers }: DeviceServiceOptions): Operations {
  const hasApps = offers?.apps ?? true
  const hasEvents = () => (offers?.events ?? true) && !faults.get('noEvents')
  const isTokenTaken = () => ['wsse', 'both'].includes(authentication())
  const capabilities = () =>
    writeDeviceCapabilities({
      hashingAlgorithms: hashingAlgorithms[authentication()],
      isTokenTaken: isTokenTaken(),
      passwordRules: faults.get('passwordRules') ?? null,
    })

  function getCapabilities({ body, baseUrl }: OperationContext): Xml {
    const asked = body.children.filter((child) => child.name === 'Category').map((child) => child.text.trim())
    const unknown = asked.find((category) => !['All', 'Device', ...(hasEvents() ? ['Events'] : [])].includes(category))
    if (unknown !== undefined) {
      const path = ['Receiver', 'ter:ActionNotSupported', 'ter:NoSuchService'] as const
      throw new SoapFault(path, `This camera has no service of the category ${unknown}.`)
    }
    const isAll = asked.length === 0 || asked.includes('All')
    const list = writeCapabilities({
      baseUrl,
      hasDevice: isAll || asked.includes('Device'),
      hasEvents: hasEvents() && (isAll || asked.includes('Events')),
      isTokenTaken: isTokenTaken(),
    })
    return xml`<tds:GetCapabilitiesResponse>${list}</tds:GetCapabilitiesResponse>`
  }

  return {
    GetServices: {
      access: 'PRE_AUTH',
      children: ['IncludeCapability'],
      run({ body, baseUrl }) {
        const answer = requiredText(body, 'IncludeCapability')
        if (!['true', 'false', '1', '0'].includes(answer))
          throw soapFaults.invalidArgs('IncludeCapability is a boolean.')
        const isIncluded = answer === 'true' || answer === '1'
        const deviceCapabilities = isIncluded && !faults.get('noCapabilities') ? capabilities() : null
        const services = writeServices({ baseUrl, deviceCapabilities, hasEvents: hasEvents(), hasApps })
        return xml`<tds:GetServicesResponse>${services}</tds:GetServicesResponse>`
      },
    },
    GetServiceCapabilities: {
      access: 'PRE_AUTH',
      children: [],
      run: () => xml`<tds:GetServiceCapabilitiesResponse>${capabilities()}</tds:GetServiceCapabilitiesResponse>`,
    },
    GetCapabilities: { access: 'PRE_AUTH', children: ['Category'], run: getCapabilities },
  }
}

const hashingAlgorithms: Readonly<Record<AuthenticationMode, string>> = {
  digest: 'MD5,SHA-256',
  both: 'MD5,SHA-256',
  wsse: 'MD5,SHA-256',
  'digest-md5': 'MD5',
  'digest-sha256': 'SHA-256',
}

function identityOperations({ info }: DeviceServiceOptions): Operations {
  return {
    GetDeviceInformation: {
      access: 'READ_SYSTEM',
      children: [],
      run() {
        const { manufacturer, model, firmwareVersion, serialNumber } = info()
        return xml`
          <tds:GetDeviceInformationResponse>
            <tds:Manufacturer>${manufacturer}</tds:Manufacturer>
            <tds:Model>${model}</tds:Model>
            <tds:FirmwareVersion>${firmwareVersion}</tds:FirmwareVersion>
            <tds:SerialNumber>${serialNumber}</tds:SerialNumber>
            <tds:HardwareId>${model}</tds:HardwareId>
          </tds:GetDeviceInformationResponse>`
      },
    },
    GetScopes: {
      access: 'READ_SYSTEM',
      children: [],
      run() {
        const scopes = scopesOf(info()).map(
          (item) => xml`
            <tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>${item}</tt:ScopeItem></tds:Scopes>`,
        )
        return xml`<tds:GetScopesResponse>${scopes}</tds:GetScopesResponse>`
      },
    },
    GetEndpointReference: {
      access: 'PRE_AUTH',
      children: [],
      run: () => xml`
        <tds:GetEndpointReferenceResponse>
          <tds:GUID>urn:uuid:${info().endpointId}</tds:GUID>
        </tds:GetEndpointReferenceResponse>`,
    },
  }
}
