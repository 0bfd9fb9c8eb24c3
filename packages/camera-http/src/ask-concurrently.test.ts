import { expect, test } from 'vitest'
import { askConcurrently } from './ask-concurrently.ts'

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

test('every item is asked once, never more at a time than allowed, and null is no answer', async () => {
  let [underWay, most, asked] = [0, 0, 0]
  const ask = async (item: number) => {
    most = Math.max(most, ++underWay)
    await turn()
    underWay--
    return item % 2 === 0 ? item : null
  }
  const { signal } = new AbortController()
  const answers = askConcurrently(numbers(50), { ask, concurrency: 7, signal, onAsked: () => asked++ })
  expect((await collect(answers)).sort((a, b) => a - b)).toEqual(numbers(50).filter((item) => item % 2 === 0))
  expect([most, asked]).toEqual([7, 50])
})

test('a reader that stops cancels what is under way, and no more is begun', async () => {
  let begun = 0
  let cancelled = 0
  const ask = async (item: number, signal: AbortSignal) => {
    begun++
    if (item === 0) return item
    await new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    ).catch(() => cancelled++)
    return item
  }
  for await (const _ of askConcurrently(numbers(100), { ask, concurrency: 4, signal: new AbortController().signal }))
    break
  await turn()
  expect([begun, cancelled]).toEqual([4, 3])
})

test('the signal ends it with its reason', async () => {
  const stop = new AbortController()
  const ask = (_: number, signal: AbortSignal) =>
    new Promise<null>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const all = collect(askConcurrently(numbers(10), { ask, concurrency: 2, signal: stop.signal }))
  stop.abort(new Error('enough'))
  await expect(all).rejects.toThrow('enough')
})

test('a long range is not walked through ahead of its answers', async () => {
  let taken = 0
  function* endless() {
    for (;;) yield taken++
  }
  const answers = askConcurrently(endless(), {
    ask: async (item) => item,
    concurrency: 3,
    signal: new AbortController().signal,
  })
  expect((await answers.next()).value).toBe(0)
  expect(taken).toBe(3)
  await answers.return()
})
