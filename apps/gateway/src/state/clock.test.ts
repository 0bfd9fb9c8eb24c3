import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createSystemClock } from './clock.ts'

test('a wait that is longer than a timer can take does not end at once', async () => {
  const stop = new AbortController()
  let hasEnded = false
  const waiting = createSystemClock()
    .sleep(2 ** 31 + 1_000, stop.signal)
    .then(() => {
      hasEnded = true
    })
  await pause(50)
  expect(hasEnded).toBe(false)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})
