import { expect, test } from 'vitest'
import { createCameraCollection, type DiscoveredCamera, toDiscovered } from './discovered-camera.ts'
import { readScopes } from './scope-facts.ts'

const seen = (reference: string | null, host: string, scopes: string[] = []): DiscoveredCamera =>
  toDiscovered({ endpointReference: reference, scopes, xAddrs: [`http://${host}/onvif/device_service`] }, host)

test('a camera that answers again is told again only when it has a further address', () => {
  const { take } = createCameraCollection({ cameras: 9, perSender: 9 })
  expect(take(seen('urn:uuid:a', '192.0.2.1'))?.addresses).toEqual(['http://192.0.2.1'])
  expect(take(seen('urn:uuid:a', '192.0.2.1'))).toBeNull()
  const grown = take(seen('urn:uuid:a', '192.0.2.2', ['onvif://www.onvif.org/hardware/M1']))
  expect(grown).toMatchObject({ addresses: ['http://192.0.2.1', 'http://192.0.2.2'], model: 'M1' })
})

test('cameras without a reference are told apart by their addresses', () => {
  const { take } = createCameraCollection({ cameras: 9, perSender: 9 })
  expect(take(seen(null, '192.0.2.1'))).not.toBeNull()
  expect(take(seen(null, '192.0.2.2'))).not.toBeNull()
  expect(take(seen(null, '192.0.2.1'))).toBeNull()
})

test('a flood from one address does not crowd out the others, and all of them are bounded', () => {
  const { take } = createCameraCollection({ cameras: 4, perSender: 2 })
  const told = (reference: string, host: string) => take(seen(reference, host)) !== null
  expect(['a', 'b', 'c', 'd'].map((id) => told(id, '192.0.2.1'))).toEqual([true, true, false, false])
  expect(['e', 'f', 'g'].map((id, index) => told(id, `192.0.2.${index + 2}`))).toEqual([true, true, false])
})

test('one camera cannot collect addresses without end', () => {
  const { take } = createCameraCollection({ cameras: 1, perSender: 1 })
  for (let index = 1; index < 100; index++) take(seen('urn:uuid:a', `192.0.2.${index}`))
  expect(take(seen('urn:uuid:a', '198.51.100.1'))).toBeNull()
})

test('scopes are read whatever their case, escapes are undone and control characters taken out', () => {
  const facts = readScopes([
    'onvif://www.onvif.org/name/Gate%203',
    'ONVIF://www.onvif.org/Hardware/M1%1b%5b31m',
    'onvif://www.onvif.org/MacAddress/AC:CC:8E:12:34:56',
    'onvif://www.onvif.org/serial/50%',
    'onvif://www.onvif.org/hardware/second',
  ])
  expect(facts).toEqual({
    name: 'Gate 3',
    model: 'M1 [31m',
    manufacturer: null,
    serialNumber: '50%',
    macAddress: 'AC:CC:8E:12:34:56',
  })
})
