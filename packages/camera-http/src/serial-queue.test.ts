import { expect, test } from 'vitest'
import { createSerialQueue } from './serial-queue.ts'

test('runs one task at a time, in order, past failures', async () => {
  const queue = createSerialQueue()
  const order: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = queue(async () => {
    order.push('first begins')
    await gate.promise
    order.push('first ends')
    throw new Error('broken')
  })
  const second = queue(async () => order.push('second'))
  await Promise.resolve()
  gate.resolve()
  await expect(first).rejects.toThrow('broken')
  await second
  expect(order).toEqual(['first begins', 'first ends', 'second'])
})

test('drops a task whose caller gave up waiting, without letting the next one overtake', async () => {
  const queue = createSerialQueue()
  const order: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = queue(() => gate.promise.then(() => order.push('first')))
  const cancel = new AbortController()
  const second = queue(async () => order.push('second'), cancel.signal)
  const third = queue(async () => order.push('third'))
  cancel.abort()
  await expect(second).rejects.toMatchObject({ code: 'cancelled' })
  gate.resolve()
  await Promise.all([first, third])
  expect(order).toEqual(['first', 'third'])
})
