import { expect, test } from 'vitest'
import { createMemoryFolder } from '../../test/work/memory-edge.ts'
import { createVirtualClock } from '../../test/work/virtual-clock.ts'
import { createRefusedLogins } from './refused-logins.ts'

const place = { address: 'https://192.0.2.1', deviceId: 'camera-1' }
const [one, other] = [
  { user: 'root', password: 'one' },
  { user: 'root', password: 'other' },
]
const minuteMs = 60_000

function open() {
  const [folder, clock] = [createMemoryFolder(), createVirtualClock()]
  return { folder, clock, refused: createRefusedLogins({ folder, clock }) }
}

test('two passwords that were refused are both closed, each for half an hour of its own, in every process', async () => {
  const { folder, clock, refused } = open()
  await refused.note(place, one)
  await clock.advance(10 * minuteMs)
  await refused.note(place, other)
  for (const again of [refused, createRefusedLogins({ folder, clock })]) {
    expect(await again.closedForMs(place, one)).toBe(20 * minuteMs)
    expect(await again.closedForMs(place, other)).toBe(30 * minuteMs)
  }
  await clock.advance(20 * minuteMs)
  expect(await refused.closedForMs(place, one)).toBe(0)
  expect(await refused.closedForMs(place, other)).toBe(10 * minuteMs)
})

test('an accepted password opens itself and leaves the other closed', async () => {
  const { folder, refused } = open()
  for (const login of [one, other]) await refused.note(place, login)
  await refused.accepted(place, one)
  expect(await refused.closedForMs(place, one)).toBe(0)
  await expect(refused.check(place, other)).rejects.toMatchObject({ code: 'credentials-refused' })
  await refused.accepted(place, other)
  expect(folder.files.size).toBe(0)
})

test('the same password refused again is kept once, and old ones are forgotten', async () => {
  const { folder, clock, refused } = open()
  await refused.note(place, other)
  await clock.advance(31 * minuteMs)
  for (let count = 0; count < 3; count += 1) await refused.note(place, one)
  for (const text of folder.files.values()) expect(JSON.parse(text).refusals).toHaveLength(1)
})

test('what a gateway before this kept still counts', async () => {
  const { folder, clock, refused } = open()
  await refused.note(place, one)
  for (const [name, text] of folder.files) folder.files.set(name, JSON.stringify(JSON.parse(text).refusals[0]))
  expect(await createRefusedLogins({ folder, clock }).closedForMs(place, one)).toBe(30 * minuteMs)
})

test('a third login waits until fewer than two refused ones count, and one that was accepted counts them out', async () => {
  const { clock, refused } = open()
  const third = { user: 'root', password: 'third' }
  await refused.note(place, one)
  await clock.advance(10 * minuteMs)
  await refused.checkNew(place, third)
  await refused.note(place, other)
  await expect(refused.checkNew(place, third)).rejects.toMatchObject({
    code: 'credentials-refused',
    message: expect.stringContaining('wait 20 minutes'),
  })
  // where it moved to as well, and a proven one is not kept from its work
  await expect(refused.checkNew({ ...place, address: 'https://192.0.2.9' }, third)).rejects.toThrow('two other logins')
  await refused.check(place, third)
  await clock.advance(20 * minuteMs)
  await refused.checkNew(place, third)
  await refused.note(place, third)
  await refused.accepted(place, one)
  await refused.checkNew(place, { user: 'root', password: 'fourth' })
})
