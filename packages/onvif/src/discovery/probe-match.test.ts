import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readProbeMatches } from './probe-match.ts'

const probeId = 'c0ffee00-1111-4222-8333-444455556666'
const read = (text: string) => readProbeMatches(Buffer.from(text), [probeId])

const declarations =
  'xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ' +
  'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"'

function answer(match: string, relatesTo = `urn:uuid:${probeId}`): string {
  return (
    `<e:Envelope ${declarations}><e:Header><a:RelatesTo>${relatesTo}</a:RelatesTo></e:Header>` +
    `<e:Body><d:ProbeMatches>${match}</d:ProbeMatches></e:Body></e:Envelope>`
  )
}

const camera =
  '<d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:AB</a:Address></a:EndpointReference>' +
  '<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/A\n onvif://www.onvif.org/hardware/B</d:Scopes>' +
  '<d:XAddrs>http://192.0.2.7/onvif/device_service  https://192.0.2.7/onvif/device_service</d:XAddrs></d:ProbeMatch>'

test('a camera is read with its reference, scopes and addresses', () => {
  expect(read(answer(camera))).toEqual([
    {
      endpointReference: 'urn:uuid:ab',
      scopes: ['onvif://www.onvif.org/name/A', 'onvif://www.onvif.org/hardware/B'],
      xAddrs: ['http://192.0.2.7/onvif/device_service', 'https://192.0.2.7/onvif/device_service'],
    },
  ])
})

test.each([`uuid:${probeId}`, `URN:UUID:${probeId.toUpperCase()}`, probeId, ''])('an answer to "%s" is ours', (id) => {
  expect(read(answer(camera, id))).toHaveLength(1)
})

test.each([
  ['to another question', answer(camera, 'urn:uuid:c0ffee00-1111-4222-8333-444455556667')],
  [
    'of a printer',
    answer(
      camera.replace('dn:NetworkVideoTransmitter', 'wsdp:Device wprt:PrintDeviceType').replaceAll('onvif:', 'ldap:'),
    ),
  ],
  ['without matches', answer('')],
  ['with a document type', `<!DOCTYPE e [<!ENTITY x "y">]>${answer(camera)}`],
  ['cut off', answer(camera).slice(0, -20)],
  ['longer than 32 KiB', answer(`${camera}${' '.repeat(33_000)}`)],
  ['that is a fault', `<e:Envelope ${declarations}><e:Body><e:Fault/></e:Body></e:Envelope>`],
])('an answer %s gives no camera', (_, text) => {
  expect(read(text)).toEqual([])
})

test('an answer that names many devices, words and letters is bounded', () => {
  const long = `<d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types><d:XAddrs>${'http://192.0.2.7 '.repeat(300)} http://${'a'.repeat(600)}</d:XAddrs></d:ProbeMatch>`
  const [match] = read(answer(long))
  expect(match?.xAddrs).toHaveLength(64)
  expect(
    read(answer('<d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types></d:ProbeMatch>'.repeat(300))),
  ).toHaveLength(16)
})

test('no datagram makes it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      expect(readProbeMatches(bytes, [probeId])).toEqual([])
    }),
  )
})

test('no damage to a good answer makes it throw', () => {
  const good = answer(camera)
  const damage = fc.record({
    at: fc.nat(good.length),
    cut: fc.nat(40),
    put: fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '<',
        '>',
        '&#x110000;',
        '<![CDATA[',
        '__proto__',
        'constructor',
        '<a:constructor>',
        'xmlns:__proto__="x" ',
      ),
    ),
  })
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      const text = damages.reduce((whole, { at, cut, put }) => whole.slice(0, at) + put + whole.slice(at + cut), good)
      for (const match of read(text)) expect(match.xAddrs.length).toBeLessThanOrEqual(64)
    }),
    { numRuns: 2_000 },
  )
})
