import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createUpReader } from './up-reader.ts'

const read = createUpReader(pino({ level: 'silent' }), () => 0)
const say = (message: unknown) => read(randomUUID(), Buffer.from(JSON.stringify(message)))

const beyondBigint = 2 ** 63
const beyondInteger = 2 ** 31
const share = { siteId: randomUUID(), number: 1, inFlight: 2, waiting: 3 }
const heartbeat = { kind: 'heartbeat', connectionId: 'c', session: 1, shares: [share] }
const pair = { deviceId: 'CAM-1', assignment: 1 }
const ask = { kind: 'license-ask', session: 1, ...pair, appId: 'app', licenseId: randomUUID() }

test.each([
  ['heartbeat', heartbeat],
  ['license-ask', ask],
])('a %s is taken', (_, message) => {
  expect(say(message)).toEqual(message)
})

// One statement writes what many gateways say: such a number would make it fail for all of them.
test.each([
  ['heartbeat of a session', { ...heartbeat, session: beyondBigint }],
  ['number of a share', { ...heartbeat, shares: [{ ...share, number: beyondBigint }] }],
  ['count of cameras', { ...heartbeat, shares: [{ ...share, inFlight: beyondInteger }] }],
  ['sum of cameras', { ...heartbeat, shares: [{ ...share, inFlight: beyondInteger - 1, waiting: beyondInteger - 1 }] }],
  ['site', { ...heartbeat, shares: [{ ...share, siteId: 'here' }] }],
  ['license', { ...ask, licenseId: `${randomUUID()}0` }],
  ['assignment', { ...ask, assignment: beyondInteger }],
  ['session of a license-ask', { ...ask, session: 1e300 }],
])('one %s that no column holds is refused before it is written with what others say', (_, message) => {
  expect(say(message)).toBeNull()
})
