import type { DeviceFacts } from '@ocelli/contract'
import { expect, test } from 'vitest'
import { factsOf } from './device-report.ts'

const told: DeviceFacts = {
  ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: 'AC:CC:8E:12:34:56', firmwareVersion: '1.2' },
  ...{ architecture: 'aarch64', platformLevel: null, appFormats: ['eap'], unsignedApps: null, appDowngrade: 'NONE' },
}

test('facts of a usual camera are told as they are', () => {
  expect(factsOf(told)).toEqual(told)
})

test('a camera that says megabytes of itself does not make a report that the platform refuses to read', () => {
  const long = 'x'.repeat(2_000_000)
  const boundless = {
    ...{ ...told, manufacturer: long, model: long, serialNumber: long, macAddress: long, firmwareVersion: long },
    ...{ architecture: long, appFormats: Array<string>(1000).fill(long) },
  }
  expect(JSON.stringify(factsOf(boundless)).length).toBeLessThan(10_000)
})
