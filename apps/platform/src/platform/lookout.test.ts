import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLookout } from './lookout.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A lookout whose looks end when they are told to. */
function open() {
  const looks: PromiseWithResolvers<void>[] = []
  const errors: unknown[] = []
  const lookout = createLookout({
    look() {
      const one = Promise.withResolvers<void>()
      looks.push(one)
      return one.promise
    },
    ...{ wakeAfterMs: 5, lookEveryMs: 1000, trouble: { failed: (error) => void errors.push(error), passed: () => {} } },
  })
  const end = async (at: number) => {
    looks[at]?.resolve()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { lookout, looks, errors, end }
}

test('looks at the start and once a second, and at a hint within some milliseconds, however many come', async () => {
  const { lookout, looks, end } = open()
  lookout.start()
  await vi.advanceTimersByTimeAsync(0)
  await end(0)
  await vi.advanceTimersByTimeAsync(999)
  expect(looks).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(looks).toHaveLength(2)
  await end(1)
  for (let hints = 0; hints < 10; hints++) lookout.wake()
  await vi.advanceTimersByTimeAsync(5)
  expect(looks).toHaveLength(3)
  await end(2)
  await vi.advanceTimersByTimeAsync(500)
  expect(looks).toHaveLength(3)
  await lookout.close()
})

test('never looks twice at once: a hint that comes during a look is followed by another', async () => {
  const { lookout, looks, end } = open()
  lookout.start()
  await vi.advanceTimersByTimeAsync(0)
  lookout.wake()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(looks).toHaveLength(1)
  await end(0)
  await vi.advanceTimersByTimeAsync(5)
  expect(looks).toHaveLength(2)
  await end(1)
  await lookout.close()
})

test('a look that fails is told, and the next one comes in its time', async () => {
  const { lookout, looks, errors } = open()
  lookout.start()
  await vi.advanceTimersByTimeAsync(0)
  looks[0]?.reject(new Error('The database is away.'))
  await vi.advanceTimersByTimeAsync(1_000)
  expect(errors).toEqual([new Error('The database is away.')])
  expect(looks).toHaveLength(2)
  looks[1]?.resolve()
  await lookout.close()
})

test('closing waits for the look that is under way, and no other begins', async () => {
  const { lookout, looks } = open()
  lookout.start()
  await vi.advanceTimersByTimeAsync(0)
  let isOver = false
  const closing = lookout.close().then(() => {
    isOver = true
  })
  lookout.wake()
  await vi.advanceTimersByTimeAsync(10)
  expect([lookout.isClosed, isOver]).toEqual([true, false])
  looks[0]?.resolve()
  await closing
  await vi.advanceTimersByTimeAsync(5_000)
  expect(looks).toHaveLength(1)
})
