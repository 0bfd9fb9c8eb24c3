import { createRequire } from 'node:module'
import { generate } from 'mqtt-packet'
import { expect, it } from 'vitest'
import { makeNumbersAsNeeded } from './broker.ts'

const require = createRequire(import.meta.url)
const packetsOf = (library: string) => createRequire(require.resolve(library)).resolve('mqtt-packet')

it('is the mqtt-packet that broker and client write with', () => {
  expect([packetsOf('aedes'), packetsOf('mqtt')]).toEqual([
    require.resolve('mqtt-packet'),
    require.resolve('mqtt-packet'),
  ])
})

it('keeps no buffer for each number that a packet may have', () => {
  makeNumbersAsNeeded()
  generate({ cmd: 'puback', messageId: 7 })
  const { cache } = require('mqtt-packet/numbers.js') as { cache: Record<number, unknown> }
  expect(Object.keys(cache)).toEqual([])
})
