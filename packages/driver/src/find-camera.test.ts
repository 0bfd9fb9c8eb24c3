import { expect, test } from 'vitest'
import type { DriverModule } from './driver.ts'
import { findCamera } from './find-camera.ts'

const nothing = { manufacturer: null, model: null, clockOffsetMs: null, certificate: null }

/** A protocol that nothing here speaks. */
function strange(name: DriverModule['name'], detail: string) {
  const module: DriverModule = {
    name,
    probe: async () => ({ speaks: false, runsApps: false, detail, ...nothing }),
    discover: async function* () {},
    open: () => {
      throw new Error('Nobody opens what is no camera.')
    },
  }
  return async () => module
}

const options = { allowLegacyTls: false, signal: new AbortController().signal }

test('what answers and speaks none of several protocols is no camera of any of them', async () => {
  const drivers = { onvif: strange('onvif', 'No ONVIF.'), vapix: strange('vapix', 'No Axis.') }
  await expect(findCamera('http://192.0.2.1:8080', { ...options, drivers })).rejects.toMatchObject({
    code: 'unsupported',
    message: 'Something answers at http://192.0.2.1:8080, and it is no camera that speaks VAPIX or ONVIF.',
  })
})

test('where one protocol is asked for, its own words are told', async () => {
  const drivers = { onvif: strange('onvif', 'No ONVIF.') }
  await expect(findCamera('192.0.2.1', { ...options, drivers })).rejects.toThrow('No ONVIF.')
})
