import { expect, test } from 'vitest'
import { readFaultChange } from './fault-values.ts'

test.each([
  { slowMs: 100, dropReply: ['Activate'], noEvents: true },
  { dropReply: true },
  { rebootDuring: { step: 'install', downMs: 500 } },
  { rebootDuring: { step: 'upload', downMs: 0, inFlight: 'completed', resetsClock: true } },
  { clockOffsetMs: -3_600_000 },
  { slowMs: null, auth: 'digest-sha256' },
  { failOperation: { operations: ['Uninstall'], reason: 'no' } },
  { passwordRules: { minLength: 8, blocksUserName: true }, refusePassword: 'no', keepsPassword: true },
  {},
])('%j is a change of faults', (change) => {
  expect(readFaultChange(change)).toEqual(change)
})

test.each([
  [[]],
  [null],
  ['slowMs'],
  [{ slow: 1 }],
  [{ constructor: 1 }],
  [{ slowMs: '100' }],
  [{ slowMs: -1 }],
  [{ slowMs: Number.NaN }],
  [{ dropRequest: 0 }],
  [{ dropRequest: 1.5 }],
  [{ dropReply: [1] }],
  [{ dropReply: false }],
  [{ refuseUpload: 200 }],
  [{ auth: 'none' }],
  [{ faultStatus: 418 }],
  [{ rebootDuring: { step: 'install' } }],
  [{ rebootDuring: { step: 'install', downMs: 1, until: 2 } }],
  [{ failOperation: { operations: ['x'] } }],
  [{ passwordRules: { minLength: -1 } }],
  [{ passwordRules: { lowercase: 1 } }],
  [{ deviceId: '' }],
])('%j is none, and the answer is a sentence', (value) => {
  expect(readFaultChange(value)).toMatch(/\.$/)
})
