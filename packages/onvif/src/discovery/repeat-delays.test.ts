import { expect, test } from 'vitest'
import { repeatDelays } from './repeat-delays.ts'

test('a message is repeated after 50 to 250 ms, each time after twice as long, up to half a second', () => {
  expect([...repeatDelays(4, () => 0)]).toEqual([50, 100, 200])
  expect([...repeatDelays(4, () => 0.999)].map(Math.round)).toEqual([250, 500, 500])
  expect([...repeatDelays(2, () => 0.5)]).toEqual([150])
})
