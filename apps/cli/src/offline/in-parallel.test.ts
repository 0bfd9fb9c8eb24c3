import { expect, test } from 'vitest'
import { inParallel } from './in-parallel.ts'

const never = new AbortController().signal

test('so many at a time, and the results in their order', async () => {
  let [under, most] = [0, 0]
  const doubled = await inParallel([1, 2, 3, 4, 5], { concurrency: 2, signal: never }, async (number) => {
    under += 1
    most = Math.max(most, under)
    for (let turn = 0; turn < 6 - number; turn++) await Promise.resolve()
    under -= 1
    return 2 * number
  })
  expect({ doubled, most }).toEqual({ doubled: [2, 4, 6, 8, 10], most: 2 })
})

test('once one fails no other is begun, and those under way have ended before it is told', async () => {
  const told: string[] = []
  const failing = inParallel(['fails', 'waits', 'never'], { concurrency: 2, signal: never }, async (item, signal) => {
    told.push(`${item} begins`)
    if (item === 'fails') throw new Error('The disk is full.')
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    // as closing a camera's connection takes its time
    await new Promise((resolve) => setImmediate(resolve))
    told.push(`${item} has ended`)
    throw signal.reason
  })
  await expect(failing).rejects.toThrow('The disk is full.')
  expect(told).toEqual(['fails begins', 'waits begins', 'waits has ended'])
})

test('who is told to stop begins no other, and gives the reason', async () => {
  const stop = new AbortController()
  const begun: number[] = []
  const stopped = inParallel([1, 2, 3], { concurrency: 1, signal: stop.signal }, async (number) => {
    begun.push(number)
    stop.abort(new Error('stopped'))
  })
  await expect(stopped).rejects.toThrow('stopped')
  expect(begun).toEqual([1])
})
