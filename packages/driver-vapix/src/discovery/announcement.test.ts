import { expect, test } from 'vitest'
import { readMdnsResponse, readSsdpAnswer } from './announcement.ts'

const name = 'AXIS P3265-V - ACCC8E123456._axis-video._tcp.local'
const txt = (...texts: string[]) => ({ type: 'TXT', name, data: texts.map((text) => Buffer.from(text)) })

test('a response of multicast DNS tells serial number and port', () => {
  const records = [
    { type: 'PTR', name: '_axis-video._tcp.local', data: name },
    { type: 'SRV', name, data: { port: 80, target: 'axis-accc8e123456.local' } },
    txt('other=1', 'macaddress=ACCC8E123456'),
  ]
  expect(readMdnsResponse(records, '192.0.2.7')).toEqual({
    ...{ host: '192.0.2.7', port: 80, serialNumber: 'ACCC8E123456', foundBy: 'mdns', told: [] },
  })
})

test('further addresses are noted, as far as another machine can ask there', () => {
  const address = (type: string, data: unknown) => ({ type, name: 'axis-accc8e123456.local', data })
  const of = (...records: { type: string; name: string; data: unknown }[]) =>
    readMdnsResponse([txt('macaddress=ACCC8E123456'), ...records], 'fe80::1%eth0')?.told
  expect(of(address('A', '192.0.2.9'), address('AAAA', 'fd77::9'))).toEqual(['192.0.2.9', 'fd77::9'])
  const useless = [
    '127.0.0.1',
    '0.0.0.0',
    '::1',
    '::',
    'fe80::9',
    'ff02::1',
    '224.0.0.1',
    '::ffff:7f00:1',
    'x',
    7,
    null,
  ]
  expect(of(...useless.map((data) => address('AAAA', data)))).toEqual([])
  expect(of(...Array.from({ length: 50 }, (_, n) => address('A', `192.0.2.${n + 1}`)))).toHaveLength(4)
})

test('a response may lack everything but its name, and a serial number may be written in any way', () => {
  const [bare] = [readMdnsResponse([{ type: 'PTR', name: '_Axis-Video._tcp.LOCAL' }], '192.0.2.7')]
  expect(bare).toMatchObject({ port: null, serialNumber: null })
  expect(readMdnsResponse([txt('macaddress=ac:cc:8e:12:34:56')], '192.0.2.7')?.serialNumber).toBe('ACCC8E123456')
})

test.each([
  ['another service', [{ type: 'SRV', name: 'printer._ipp._tcp.local', data: { port: 80 } }]],
  ['nothing', []],
  ['rubbish', [{ type: 'TXT' }, { type: 'SRV', name: 7 }]],
])('%s is no camera', (_, records) => {
  expect(readMdnsResponse(records, '192.0.2.7')).toBeNull()
})

test.each([0, -1, 70_000, 1.5, '80', null])('the port %j is none', (port) => {
  expect(readMdnsResponse([{ type: 'SRV', name, data: { port } }], '192.0.2.7')?.port).toBeNull()
})

const answer = (usn: string, first = 'HTTP/1.1 200 OK') =>
  Buffer.from(
    `${first}\r\nCACHE-CONTROL: max-age=1800\r\nUSN: ${usn}\r\nLOCATION: http://198.51.100.9/evil.xml\r\n\r\n`,
  )
const usn = 'uuid:Upnp-BasicDevice-1_0-00408CA45086::urn:axis-com:service:BasicService:1'

test('an answer of SSDP tells the serial number, and the host is the sender whatever it says', () => {
  expect(readSsdpAnswer(answer(usn), '192.0.2.8')).toEqual({
    ...{ host: '192.0.2.8', port: null, serialNumber: '00408CA45086', foundBy: 'ssdp', told: ['198.51.100.9'] },
  })
})

test.each([
  ['another service', answer('uuid:x::urn:schemas-upnp-org:device:MediaServer:1')],
  ['a question', answer(usn, 'M-SEARCH * HTTP/1.1')],
  ['nothing', Buffer.alloc(0)],
  ['bytes', Buffer.from([0xff, 0x00, 0x0d, 0x0a])],
])('%s of SSDP is no camera', (_, datagram) => {
  expect(readSsdpAnswer(datagram, '192.0.2.8')).toBeNull()
})
