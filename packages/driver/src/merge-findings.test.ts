import { expect, test } from 'vitest'
import type { Finding } from './discovery.ts'
import { mergeFindings, normalMac } from './merge-findings.ts'

const nothing: Finding = {
  ...{ addresses: [], answeredFrom: [], manufacturer: null, model: null, firmwareVersion: null, serialNumber: null },
  ...{ macAddress: null, endpointReference: null, deviceId: null, runsApps: null, needsFirstPassword: null },
  ...{ clockOffsetMs: null, drivers: [], foundBy: [] },
}
const seen = (changes: Partial<Finding>): Finding => ({ ...nothing, ...changes })
const onvif = (changes: Partial<Finding>) => seen({ drivers: ['onvif'], foundBy: ['ws-discovery'], ...changes })
const vapix = (changes: Partial<Finding>) => seen({ drivers: ['vapix'], foundBy: ['mdns'], ...changes })

test('a camera that both drivers found is one, with VAPIX first whoever found it first', () => {
  const merged = mergeFindings([
    onvif({
      addresses: ['http://192.0.2.7'],
      model: 'P1',
      macAddress: 'accc8e123456',
      endpointReference: 'urn:uuid:A',
    }),
    vapix({ addresses: ['https://192.0.2.7'], model: 'AXIS P1', serialNumber: 'ACCC8E123456', runsApps: true }),
  ])
  expect(merged).toEqual([
    seen({
      addresses: ['https://192.0.2.7', 'http://192.0.2.7'],
      model: 'AXIS P1',
      serialNumber: 'ACCC8E123456',
      macAddress: 'AC:CC:8E:12:34:56',
      endpointReference: 'urn:uuid:a',
      runsApps: true,
      drivers: ['vapix', 'onvif'],
      foundBy: ['mdns', 'ws-discovery'],
    }),
  ])
})

test('a link-local address is never one to reach a camera at: another one is told, or that there is none', () => {
  const six = vapix({ answeredFrom: ['fe80::7%eth0'], serialNumber: 'ACCC8E123456' })
  const four = vapix({ addresses: ['http://192.0.2.7'], answeredFrom: ['192.0.2.7'], serialNumber: 'ACCC8E123456' })
  const [both, ...others] = mergeFindings([six, four])
  expect(others).toEqual([])
  expect(both).toMatchObject({ addresses: ['http://192.0.2.7'], answeredFrom: ['fe80::7%eth0', '192.0.2.7'] })
  expect(both?.leftOut).toEqual([
    { address: 'fe80::7%eth0', reason: expect.stringContaining('http://192.0.2.7 is used instead') },
  ])
  expect(mergeFindings([six])[0]?.leftOut?.[0]?.reason).toContain('told no other one')
  // what was said of half of the answers does not stay
  expect(mergeFindings([...mergeFindings([six]), four])).toEqual([both])
})

test.each([
  ['a device id', { deviceId: 'camera-1' }, { deviceId: 'camera-1' }],
  ['a MAC address in another spelling', { macAddress: 'AC-CC-8E-12-34-56' }, { macAddress: 'accc8e123456' }],
  ['an endpoint reference in another case', { endpointReference: 'urn:uuid:AB' }, { endpointReference: 'urn:uuid:ab' }],
  [
    'maker and serial number',
    { manufacturer: 'Axis', serialNumber: '77' },
    { manufacturer: 'AXIS', serialNumber: '77' },
  ],
  ['an address under http and https', { addresses: ['http://192.0.2.7'] }, { addresses: ['https://192.0.2.7'] }],
])('findings that share %s are one camera', (_, one, other) => {
  expect(mergeFindings([onvif(one), onvif(other)])).toHaveLength(1)
})

test.each([
  ['other ports of one host', { addresses: ['http://192.0.2.7:8001'] }, { addresses: ['http://192.0.2.7:8002'] }],
  ['a serial number alone', { serialNumber: '1' }, { serialNumber: '1' }],
  ['a serial number of two makers', { manufacturer: 'A', serialNumber: '1' }, { manufacturer: 'B', serialNumber: '1' }],
  ['nothing', {}, {}],
  ['an empty MAC address', { macAddress: '00:00:00:00:00:00' }, { macAddress: '00:00:00:00:00:00' }],
])('findings that share %s stay two', (_, one, other) => {
  expect(mergeFindings([onvif(one), onvif(other)])).toHaveLength(2)
})

test('two cameras that had one address while it was looked stay two', () => {
  const at = { addresses: ['http://192.0.2.7'] }
  const merged = mergeFindings([
    onvif({ ...at, endpointReference: 'urn:uuid:a' }),
    onvif({ ...at, endpointReference: 'urn:uuid:b' }),
  ])
  expect(merged).toHaveLength(2)
})

test('one endpoint reference of a whole production run does not make its cameras one', () => {
  const merged = mergeFindings([
    onvif({ endpointReference: 'urn:uuid:a', macAddress: '000000000001', addresses: ['http://192.0.2.1'] }),
    onvif({ endpointReference: 'urn:uuid:a', macAddress: '000000000002', addresses: ['http://192.0.2.2'] }),
  ])
  expect(merged.map(({ addresses }) => addresses)).toEqual([['http://192.0.2.1'], ['http://192.0.2.2']])
})

test('a finding that belongs with two others joins them', () => {
  const merged = mergeFindings([
    onvif({ addresses: ['http://192.0.2.1'], model: 'one' }),
    onvif({ addresses: ['http://[2001:db8::1]'], model: 'two' }),
    onvif({ addresses: ['http://192.0.2.1', 'http://[2001:db8::1]'], model: 'both' }),
  ])
  expect(merged).toHaveLength(1)
  expect(merged[0]?.model).toBe('one')
})

test('merging what is merged changes nothing', () => {
  const once = mergeFindings([
    onvif({ addresses: ['http://192.0.2.1'], endpointReference: 'urn:uuid:a' }),
    vapix({ addresses: ['https://192.0.2.1'], serialNumber: 'ACCC8E000001' }),
    onvif({ addresses: ['http://192.0.2.2'], macAddress: '00:11:22:33:44:55' }),
  ])
  expect(mergeFindings(once)).toEqual(once)
})

test.each([
  ['ac:cc:8e:12:34:56', 'AC:CC:8E:12:34:56'],
  ['ACCC8E123456', 'AC:CC:8E:12:34:56'],
  ['FF:FF:FF:FF:FF:FF', null],
  ['camera', null],
  [null, null],
])('the MAC address of %s is %s', (text, mac) => {
  expect(normalMac(text)).toBe(mac)
})
