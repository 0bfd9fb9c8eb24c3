import { expect, test } from 'vitest'
import { type AttemptEnd, createFailureLimit } from './failure-limit.ts'

function start(maxKeys = 100) {
  const clock = { nowMs: 0 }
  const limit = createFailureLimit({ maxFailures: 2, windowMs: 10_000, maxKeys, nowMs: () => clock.nowMs })
  /** Seconds to wait; null: the attempt was made, and ended so. */
  const attempt = async (key: string, how: AttemptEnd = 'neither') => {
    const begun = await limit.begin(key)
    if (typeof begun === 'number') return begun
    begun.end(how)
    return null
  }
  return { clock, limit, attempt }
}

test('a key waits for the rest of its window once it has failed too often', async () => {
  const { clock, attempt } = start()
  await attempt('a', 'refused')
  expect(await attempt('a')).toBeNull()
  clock.nowMs = 4000
  await attempt('a', 'refused')
  expect(await attempt('a')).toBe(6)
  expect(await attempt('b')).toBeNull()
  clock.nowMs = 10_000
  expect(await attempt('a')).toBeNull()
})

test('the right answer clears what was counted, and what is neither changes nothing', async () => {
  const { attempt } = start()
  await attempt('a', 'refused')
  await attempt('a', 'right')
  await attempt('a', 'refused')
  expect(await attempt('a', 'neither')).toBeNull()
  await attempt('a', 'refused')
  expect(await attempt('a')).toBe(10)
})

test('memory is bounded: the key that failed longest ago is forgotten first', async () => {
  const { attempt } = start(2)
  for (const key of ['a', 'b', 'a', 'b', 'c', 'c']) await attempt(key, 'refused')
  expect(await attempt('a')).toBeNull()
  expect(await attempt('b')).toBe(10)
  expect(await attempt('c')).toBe(10)
})

test('of attempts that come at once no more are judged than may fail', async () => {
  const { limit } = start()
  let judged = 0
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const begun = await limit.begin('a')
      if (typeof begun === 'number') return 'waits'
      judged += 1
      await new Promise(setImmediate)
      begun.end('refused')
      return 'refused'
    }),
  )
  expect(judged).toBe(2)
  expect(answers.filter((answer) => answer === 'waits')).toHaveLength(18)
})

test('of attempts that come at once all with the right answer have their turn', async () => {
  const { limit } = start()
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const begun = await limit.begin('a')
      if (typeof begun === 'number') return 'waits'
      await new Promise(setImmediate)
      begun.end('right')
      return 'right'
    }),
  )
  expect(new Set(answers)).toEqual(new Set(['right']))
})
