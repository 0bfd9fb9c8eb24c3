import { expect, test } from 'vitest'
import { createSiteQueue, enterQueue } from './site-queue.ts'

const nothing = () => undefined

test('tickets are granted up to the limit, then in the order they were asked for', () => {
  const queue = createSiteQueue(() => 2)
  const granted: string[] = []
  const tickets = ['a', 'b', 'c', 'd'].map((name) => queue.request('site', () => granted.push(name)))
  expect(tickets.map(({ isGranted }) => isGranted)).toEqual([true, true, false, false])
  tickets[1]?.release()
  tickets[0]?.release()
  expect(granted).toEqual(['c', 'd'])
})

test('sites do not take from each other', () => {
  const queue = createSiteQueue(() => 1)
  queue.request('one', nothing)
  expect(queue.request('two', nothing).isGranted).toBe(true)
})

test('a ticket that is given up while waiting is never granted', () => {
  const queue = createSiteQueue(() => 1)
  const granted: string[] = []
  const first = queue.request('site', nothing)
  queue.request('site', () => granted.push('second')).release()
  queue.request('site', () => granted.push('third'))
  first.release()
  expect(granted).toEqual(['third'])
})

test('releasing twice frees one place only', () => {
  const queue = createSiteQueue(() => 1)
  const first = queue.request('site', nothing)
  const second = queue.request('site', nothing)
  const third = queue.request('site', nothing)
  first.release()
  first.release()
  expect([second.isGranted, third.isGranted]).toEqual([true, false])
})

test('a lowered limit takes nothing back and holds for the next', () => {
  let limit = 3
  const queue = createSiteQueue(() => limit)
  const tickets = [1, 2, 3].map(() => queue.request('site', nothing))
  limit = 1
  queue.limitsChanged()
  const late = queue.request('site', nothing)
  tickets[0]?.release()
  tickets[1]?.release()
  expect(late.isGranted).toBe(false)
  expect(queue.counts('site')).toEqual({ granted: 1, waiting: 1 })
  tickets[2]?.release()
  expect(late.isGranted).toBe(true)
})

test('who is asked to give way under a lowered limit waits at the head of the queue, the last to come first', () => {
  let limit = 3
  const queue = createSiteQueue(() => limit)
  const granted: string[] = []
  const tickets = ['a', 'b', 'c', 'd'].map((name) => queue.request('site', () => granted.push(name)))
  limit = 1
  queue.limitsChanged()
  for (const ticket of tickets) ticket.giveWay()
  expect(tickets.map(({ isGranted }) => isGranted)).toEqual([true, false, false, false])
  tickets[0]?.release()
  tickets[2]?.release()
  tickets[1]?.release()
  expect(granted).toEqual(['c', 'b', 'd'])
})

test('every change of who is at work or waits is told', () => {
  const queue = createSiteQueue(
    () => 1,
    (siteId) => seen.push({ siteId, ...queue.counts(siteId) }),
  )
  const seen: { siteId: string; granted: number; waiting: number }[] = []
  const first = queue.request('site', nothing)
  queue.request('site', nothing).release()
  first.release()
  expect(seen.map(({ granted, waiting }) => [granted, waiting])).toEqual([
    [1, 0],
    [1, 1],
    [1, 0],
    [0, 0],
  ])
})

test('waiting for a place ends with the signal and leaves no place taken', async () => {
  const queue = createSiteQueue(() => 1)
  const first = queue.request('site', nothing)
  const stop = new AbortController()
  const waiting = enterQueue(queue, 'site', stop.signal)
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  first.release()
  expect(queue.counts('site')).toEqual({ granted: 0, waiting: 0 })
})
