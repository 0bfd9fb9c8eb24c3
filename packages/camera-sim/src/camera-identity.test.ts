import { expect, test } from 'vitest'
import { deriveIdentity } from './camera-identity.ts'

test('one device id always gives one identity, another id gives another', () => {
  const first = deriveIdentity('cam-1')
  expect(deriveIdentity('cam-1')).toEqual(first)
  const second = deriveIdentity('cam-2')
  for (const key of ['serialNumber', 'macAddress', 'endpointId'] as const) expect(second[key]).not.toBe(first[key])
})

test('address and endpoint reference have the forms their standards ask for', () => {
  for (let index = 0; index < 50; index += 1) {
    const identity = deriveIdentity(`cam-${index}`)
    expect(identity.macAddress).toMatch(/^02(:[0-9A-F]{2}){5}$/)
    expect(identity.endpointId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  }
})
