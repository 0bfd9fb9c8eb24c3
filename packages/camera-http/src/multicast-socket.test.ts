import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { isLinkLocal, multicastRoutes } from './multicast-socket.ts'

const four = (address: string): NetworkInterfaceInfo => ({
  ...{ address, family: 'IPv4', netmask: '255.255.255.0', mac: '', internal: false, cidr: null },
})
const six = (address: string, scopeid: number): NetworkInterfaceInfo => ({
  ...{ address, family: 'IPv6', scopeid, netmask: '', mac: '', internal: false, cidr: null },
})

const groups = { udp4: '239.255.255.250', udp6: 'ff02::c' }

test('every IPv4 address asks, and every interface asks once over IPv6, from its link-local address', () => {
  const interfaces = {
    eth0: [four('192.0.2.1'), four('198.51.100.1'), six('2001:db8::1', 0), six('fe80::1', 2)],
    wlan0: [six('fe80::2', 3)],
  }
  expect(multicastRoutes(interfaces, { groups, platform: 'linux' })).toEqual([
    { from: '192.0.2.1', to: '239.255.255.250', family: 'udp4', multicastInterface: '192.0.2.1' },
    { from: '198.51.100.1', to: '239.255.255.250', family: 'udp4', multicastInterface: '198.51.100.1' },
    { from: 'fe80::1%eth0', to: 'ff02::c%eth0', family: 'udp6', multicastInterface: '::%eth0' },
    { from: 'fe80::2%wlan0', to: 'ff02::c%wlan0', family: 'udp6', multicastInterface: '::%wlan0' },
  ])
  expect(multicastRoutes({ Ethernet: [six('fe80::1', 12)] }, { groups, platform: 'win32' })).toEqual([
    { from: 'fe80::1%12', to: 'ff02::c%12', family: 'udp6', multicastInterface: '::%12' },
  ])
})

test.each([
  ['fe80::1', true],
  ['FE80::1%eth0', true],
  ['febf::1%12', true],
  ['fec0::1', false],
  ['fd77::1', false],
  ['192.0.2.1', false],
])('%s holds on one interface only: %s', (host, expected) => {
  expect(isLinkLocal(host)).toBe(expected)
})
