import { isIPv4 } from 'node:net'
import type { Operation } from '../soap/operation.ts'
import { xml } from '../xml/writer.ts'
import type { DeviceInfo } from './device-info.ts'

export interface NetworkOperationOptions {
  info: () => DeviceInfo
  /** Where the camera listens. */
  address: () => { host: string; port: number; isSecure: boolean }
}

/** Name, interfaces and ports of the camera, read only. */
export function networkOperations({ info, address }: NetworkOperationOptions): Readonly<Record<string, Operation>> {
  return {
    GetHostname: {
      access: 'PRE_AUTH',
      children: [],
      run: () => xml`
        <tds:GetHostnameResponse>
          <tds:HostnameInformation>
            <tt:FromDHCP>false</tt:FromDHCP>
            <tt:Name>${hostNameOf(info())}</tt:Name>
          </tds:HostnameInformation>
        </tds:GetHostnameResponse>`,
    },
    GetNetworkInterfaces: {
      access: 'READ_SYSTEM',
      children: [],
      run() {
        const { host } = address()
        return xml`
          <tds:GetNetworkInterfacesResponse>
            <tds:NetworkInterfaces token="eth0">
              <tt:Enabled>true</tt:Enabled>
              <tt:Info>
                <tt:Name>eth0</tt:Name>
                <tt:HwAddress>${info().macAddress}</tt:HwAddress>
                <tt:MTU>1500</tt:MTU>
              </tt:Info>
              ${isIPv4(host) && host !== '0.0.0.0' ? writeIPv4(host) : null}
            </tds:NetworkInterfaces>
          </tds:GetNetworkInterfacesResponse>`
      },
    },
    GetNetworkProtocols: {
      access: 'READ_SYSTEM',
      children: [],
      run() {
        const { port, isSecure } = address()
        return xml`
          <tds:GetNetworkProtocolsResponse>
            <tds:NetworkProtocols>
              <tt:Name>${isSecure ? 'HTTPS' : 'HTTP'}</tt:Name>
              <tt:Enabled>true</tt:Enabled>
              <tt:Port>${port}</tt:Port>
            </tds:NetworkProtocols>
          </tds:GetNetworkProtocolsResponse>`
      },
    },
    GetDiscoveryMode: {
      access: 'READ_SYSTEM',
      children: [],
      run: () => xml`
        <tds:GetDiscoveryModeResponse><tds:DiscoveryMode>Discoverable</tds:DiscoveryMode></tds:GetDiscoveryModeResponse>`,
    },
  }
}

function hostNameOf({ model, macAddress }: DeviceInfo): string {
  return `${model}-${macAddress.replaceAll(':', '')}`.toLowerCase().replace(/[^a-z0-9-]+/g, '-')
}

function writeIPv4(host: string) {
  return xml`
    <tt:IPv4>
      <tt:Enabled>true</tt:Enabled>
      <tt:Config>
        <tt:Manual><tt:Address>${host}</tt:Address><tt:PrefixLength>24</tt:PrefixLength></tt:Manual>
        <tt:DHCP>false</tt:DHCP>
      </tt:Config>
    </tt:IPv4>`
}
