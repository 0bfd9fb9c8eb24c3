import { expect, test } from 'vitest'
import { createManualTime, createTimers, waitMs } from './time.ts'

test('tasks run in the order of their times, and one that is due on the way can start another', () => {
  const time = createManualTime(1000)
  const log: string[] = []
  time.after(30, () => log.push(`late at ${time.nowMs()}`))
  time.after(10, () => {
    log.push(`early at ${time.nowMs()}`)
    time.after(5, () => log.push(`nested at ${time.nowMs()}`))
  })
  time.advance(20)
  expect(log).toEqual(['early at 1010', 'nested at 1015'])
  time.advance(10)
  expect(log).toEqual(['early at 1010', 'nested at 1015', 'late at 1030'])
  expect(time.nowMs()).toBe(1030)
})

test('a cancelled timer never runs, one by one or all together', () => {
  const time = createManualTime(0)
  const timers = createTimers(time)
  const ran: number[] = []
  const cancelFirst = timers.after(1, () => ran.push(1))
  timers.after(2, () => ran.push(2))
  timers.after(3, () => ran.push(3))
  cancelFirst()
  time.advance(2)
  timers.cancelAll()
  time.advance(10)
  expect(ran).toEqual([2])
})

test('a wait ends with the signal when that comes first', async () => {
  const time = createManualTime(0)
  const abort = new AbortController()
  const wait = waitMs(1000, { time, signal: abort.signal })
  abort.abort(new Error('rebooting'))
  await expect(wait).rejects.toThrow('rebooting')
  const done = waitMs(1000, { time, signal: new AbortController().signal })
  time.advance(1000)
  await expect(done).resolves.toBeUndefined()
})
