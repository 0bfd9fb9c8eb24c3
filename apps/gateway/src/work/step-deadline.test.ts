import { expect, test } from 'vitest'
import { createVirtualClock } from '../../test/work/virtual-clock.ts'
import { LeftBehindError, stepBudgetMs, withDeadline } from './step-deadline.ts'

const timeoutError = () => new Error('time is over')
const never = new AbortController().signal

test('the result of a call that comes in time is given, and no timer stays behind', async () => {
  const clock = createVirtualClock()
  const limits = { clock, timeoutMs: 1_000, signal: never, timeoutError }
  await expect(withDeadline(limits, async () => 'done')).resolves.toBe('done')
  await expect(clock.until(() => false)).rejects.toThrow('did not come true')
  expect(clock.monotonic()).toBe(0)
})

test('a call that obeys its signal ends with the timeout error, whatever it throws', async () => {
  const clock = createVirtualClock()
  const result = withDeadline({ clock, timeoutMs: 1_000, signal: never, timeoutError }, async (signal) => {
    await clock.sleep(5_000, signal).catch(() => {
      throw new Error('cancelled')
    })
  })
  const expectation = expect(result).rejects.toThrow('time is over')
  await clock.advance(1_000)
  await expectation
})

test('a call that ignores its signal is left behind after its grace, and the error says so', async () => {
  const clock = createVirtualClock()
  const hanging = () => new Promise<never>(() => undefined)
  const result = withDeadline({ clock, timeoutMs: 1_000, signal: never, timeoutError, graceMs: 500 }, hanging)
  const expectation = expect(result).rejects.toSatisfy(
    (error) => error instanceof LeftBehindError && (error.cause as Error).message === 'time is over',
  )
  await clock.advance(1_499)
  await clock.advance(1)
  await expectation
})

test('a call that succeeds within its grace has succeeded', async () => {
  const clock = createVirtualClock()
  const result = withDeadline({ clock, timeoutMs: 1_000, signal: never, timeoutError, graceMs: 500 }, async () => {
    await clock.sleep(1_200, never)
    return 'late'
  })
  await clock.advance(1_200)
  await expect(result).resolves.toBe('late')
})

test('an abort from outside ends the call with its own reason', async () => {
  const clock = createVirtualClock()
  const stop = new AbortController()
  const result = withDeadline({ clock, timeoutMs: 1_000, signal: stop.signal, timeoutError }, (signal) =>
    clock.sleep(5_000, signal),
  )
  stop.abort(new Error('stopped'))
  await expect(result).rejects.toThrow('stopped')
  await expect(withDeadline({ clock, timeoutMs: 1, signal: stop.signal, timeoutError }, async () => 1)).rejects.toThrow(
    'stopped',
  )
})

test('the time for moving a package grows with its size: 500 MB get more than two hours', () => {
  const hourMs = 3_600_000
  expect(stepBudgetMs('UPLOAD', 0)).toBe(600_000)
  expect(stepBudgetMs('UPLOAD', 500_000_000)).toBeGreaterThan(2 * hourMs)
  expect(stepBudgetMs('DOWNLOAD', 500_000_000)).toBeGreaterThan(2 * hourMs)
  expect(stepBudgetMs('START', 500_000_000)).toBe(stepBudgetMs('START', 0))
})
