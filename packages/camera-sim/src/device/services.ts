import { appCapabilityAttributes } from '../apps/operations.ts'
import type { PasswordRules } from '../auth/password-rules.ts'
import { namespaces } from '../xml/namespaces.ts'
import { type Xml, xml } from '../xml/writer.ts'
import { paths } from './device-info.ts'

export interface CapabilityOptions {
  hashingAlgorithms: string
  isTokenTaken: boolean
  /** Null: the camera tells none. */
  passwordRules: PasswordRules | null
}

/** Attributes of tds:Capabilities. The NotSupported ones legally shrink what a device must be able to do. */
export function writeDeviceCapabilities(options: CapabilityOptions): Xml {
  const { hashingAlgorithms, isTokenTaken, passwordRules } = options
  const policies = passwordRules && xml` SecurityPolicies="PasswordComplexity"`
  const maxLength = passwordRules?.maxLength ? xml` MaxPasswordLength="${passwordRules.maxLength}"` : null
  return xml`
    <tds:Capabilities>
      <tds:Network IPFilter="false" ZeroConfiguration="false" IPVersion6="false" DynDNS="false" HostnameFromDHCP="false" NTP="0"/>
      <tds:Security TLS1.0="false" TLS1.1="false" TLS1.2="false" OnboardKeyGeneration="false" AccessPolicyConfig="false" DefaultAccessPolicy="true" Dot1X="false" RemoteUserHandling="false" X.509Token="false" SAMLToken="false" KerberosToken="false" UsernameToken="${isTokenTaken}" HttpDigest="true" RELToken="false" HashingAlgorithms="${hashingAlgorithms}"${policies}${maxLength}/>
      <tds:System DiscoveryResolve="true" DiscoveryBye="true" RemoteDiscovery="false" SystemBackup="false" SystemLogging="false" FirmwareUpgrade="false" HttpFirmwareUpgrade="false" HttpSystemBackup="false" HttpSystemLogging="false" HttpSupportInformation="false" NetworkConfigNotSupported="true" UserConfigNotSupported="false"/>
    </tds:Capabilities>`
}

export const eventCapabilities = xml`<tev:Capabilities WSSubscriptionPolicySupport="false" WSPausableSubscriptionManagerInterfaceSupport="false" MaxNotificationProducers="0" MaxPullPoints="16" PersistentNotificationStorage="false"/>`

export interface ServiceListOptions {
  baseUrl: string
  /** Null leaves all tds:Capabilities out. */
  deviceCapabilities: Xml | null
  hasEvents: boolean
  /** Application management. */
  hasApps: boolean
}

/** The tds:Service elements of GetServices, the only place that leads to AppMgmt. */
export function writeServices({ baseUrl, deviceCapabilities, hasEvents, hasApps }: ServiceListOptions): Xml[] {
  const withCapabilities = (capabilities: Xml) => (deviceCapabilities === null ? null : capabilities)
  return [
    { namespace: namespaces.tds, path: paths.device, capabilities: deviceCapabilities, version: [22, 12] as const },
    ...(hasEvents
      ? [
          {
            namespace: namespaces.tev,
            path: paths.events,
            capabilities: withCapabilities(eventCapabilities),
            version: [22, 12] as const,
          },
        ]
      : []),
    ...(hasApps
      ? [
          {
            namespace: namespaces.ans,
            path: paths.apps,
            capabilities: withCapabilities(xml`<ans:Capabilities ${appCapabilityAttributes}/>`),
            version: [22, 12] as const,
          },
        ]
      : []),
  ].map(
    ({ namespace, path, capabilities, version: [major, minor] }) => xml`
      <tds:Service>
        <tds:Namespace>${namespace}</tds:Namespace>
        <tds:XAddr>${baseUrl}${path}</tds:XAddr>
        ${capabilities === null ? null : xml`<tds:Capabilities>${capabilities}</tds:Capabilities>`}
        <tds:Version><tt:Major>${major}</tt:Major><tt:Minor>${minor}</tt:Minor></tds:Version>
      </tds:Service>`,
  )
}

/** tt:Device and tt:Events of GetCapabilities; null for the categories that were not asked for. */
export function writeCapabilities(options: {
  baseUrl: string
  hasDevice: boolean
  hasEvents: boolean
  isTokenTaken: boolean
}): Xml {
  const { baseUrl, hasDevice, hasEvents } = options
  const device = xml`
    <tt:Device>
      <tt:XAddr>${baseUrl}${paths.device}</tt:XAddr>
      <tt:System>
        <tt:DiscoveryResolve>true</tt:DiscoveryResolve>
        <tt:DiscoveryBye>true</tt:DiscoveryBye>
        <tt:RemoteDiscovery>false</tt:RemoteDiscovery>
        <tt:SystemBackup>false</tt:SystemBackup>
        <tt:SystemLogging>false</tt:SystemLogging>
        <tt:FirmwareUpgrade>false</tt:FirmwareUpgrade>
        <tt:SupportedVersions><tt:Major>22</tt:Major><tt:Minor>12</tt:Minor></tt:SupportedVersions>
      </tt:System>
    </tt:Device>`
  const events = xml`
    <tt:Events>
      <tt:XAddr>${baseUrl}${paths.events}</tt:XAddr>
      <tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport>
      <tt:WSPullPointSupport>true</tt:WSPullPointSupport>
      <tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>
    </tt:Events>`
  return xml`<tds:Capabilities>${hasDevice ? device : null}${hasEvents ? events : null}</tds:Capabilities>`
}
