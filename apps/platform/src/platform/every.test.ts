import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { every } from './every.ts'

/** A log, and its lines as `level: text`. */
function listen() {
  const lines: string[] = []
  const write = (line: string) => {
    const { level, msg } = JSON.parse(line)
    lines.push(`${level}: ${msg}`)
  }
  return { lines, log: pino({ level: 'debug' }, { write }) }
}

const silent = pino({ level: 'silent' })

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a task of every hour also runs a minute after the start', async () => {
  const run = vi.fn(async () => {})
  const task = every({ name: 'rare', intervalMs: 3_600_000, run }, silent)
  await vi.advanceTimersByTimeAsync(59_999)
  expect(run).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(run).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(7_200_000)
  expect(run).toHaveBeenCalledTimes(3)
  await task.close()
})

test('a frequent task runs after its interval, and again after it failed', async () => {
  const run = vi.fn(async () => Promise.reject(new Error('no database')))
  const task = every({ name: 'frequent', intervalMs: 500, run }, silent)
  await vi.advanceTimersByTimeAsync(1500)
  expect(run).toHaveBeenCalledTimes(3)
  await task.close()
})

test('what fails in the same way every time is told once, and that it works again', async () => {
  const { lines, log } = listen()
  const fates = ['locked', 'locked', 'locked', 'full', null, null, 'full']
  const run = async () => {
    const fate = fates.shift()
    if (fate) throw new Error(fate)
  }
  const task = every({ name: 'frequent', intervalMs: 500, run }, log)
  await vi.advanceTimersByTimeAsync(3500)
  await task.close()
  const [told, quiet, again] = [
    '50: a periodic task failed; it is tried again',
    '20: a periodic task failed; it is tried again',
    '30: a periodic task works again',
  ]
  expect(lines).toEqual([told, quiet, quiet, told, again, told])
})

test('never runs twice at a time, and closing waits for the run at work', async () => {
  const work = Promise.withResolvers<void>()
  const run = vi.fn(() => work.promise)
  const task = every({ name: 'slow', intervalMs: 500, run }, silent)
  await vi.advanceTimersByTimeAsync(2000)
  expect(run).toHaveBeenCalledTimes(1)
  let isClosed = false
  const closed = task.close().then(() => {
    isClosed = true
  })
  await vi.advanceTimersByTimeAsync(0)
  expect(isClosed).toBe(false)
  work.resolve()
  await closed
  await vi.advanceTimersByTimeAsync(2000)
  expect(run).toHaveBeenCalledTimes(1)
})
