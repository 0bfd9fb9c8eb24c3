import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { createPacketMeter, limitPackets } from './packet-limit.ts'

/** A PUBLISH with a body of so many bytes. */
function packet(bodyBytes: number): Buffer {
  const length: number[] = []
  for (let left = bodyBytes; ; ) {
    const next = Math.floor(left / 128)
    length.push((left % 128) + (next > 0 ? 128 : 0))
    if (next === 0) break
    left = next
  }
  // a body of 0xff would read as an endless length, were it taken for one
  return Buffer.concat([Buffer.from([0x30, ...length]), Buffer.alloc(bodyBytes, 0xff)])
}

test('packets up to the limit pass however they are cut, and a longer one is known by its first bytes', () => {
  const fine = Buffer.concat([packet(0), packet(127), packet(128), packet(1000), packet(20_000)])
  for (const step of [1, 2, 3, 500, fine.length]) {
    const isTooLong = createPacketMeter(() => 20_000)
    for (let at = 0; at < fine.length; at += step) expect(isTooLong(fine.subarray(at, at + step))).toBe(false)
    expect(isTooLong(packet(20_001).subarray(0, 4))).toBe(true)
  }
})

test('a reader that asks once gets every chunk that is there, and nothing of a packet that is too long', () => {
  const stream = new Duplex({ read: () => undefined })
  stream.on('error', () => undefined)
  limitPackets(stream, () => 100)
  stream.push(packet(3))
  stream.push(packet(4))
  expect(stream.read(0)).toBe(null)
  expect(stream.read()).toEqual(Buffer.concat([packet(3), packet(4)]))
  expect(stream.read()).toBe(null)
  stream.push(packet(101))
  expect(stream.read()).toBe(null)
  expect(stream.destroyed).toBe(true)
})
