import { expect, test } from 'vitest'
import { createOpenStreams } from './open-streams.ts'
import { ProblemError } from './problem.ts'

const callerOf = (id: string, accountId = 'a') => ({ kind: 'user' as const, id, accountId })

function refusalOf(run: () => unknown): string | null {
  try {
    run()
    return null
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    expect([error.status, error.options.retryAfterSeconds]).toEqual([429, 15])
    return error.message
  }
}

test('a caller has so many places, an account so many, and another account its own', () => {
  const streams = createOpenStreams({ perCaller: 2, perAccount: 3 })
  streams.enter(callerOf('1'))
  streams.enter(callerOf('1'))
  expect(refusalOf(() => streams.enter(callerOf('1')))).toMatch(/^You have 2 streams open/)
  streams.enter(callerOf('2'))
  expect(refusalOf(() => streams.enter(callerOf('3')))).toMatch(/^Your account has 3 streams open/)
  expect(refusalOf(() => streams.enter(callerOf('4', 'b')))).toBeNull()
})

test('a place that is left is free, and leaving twice frees one', () => {
  const streams = createOpenStreams({ perCaller: 2, perAccount: 0 })
  const leave = streams.enter(callerOf('1'))
  streams.enter(callerOf('1'))
  leave()
  leave()
  expect(refusalOf(() => streams.enter(callerOf('1')))).toBeNull()
  expect(refusalOf(() => streams.enter(callerOf('1')))).not.toBeNull()
})

test('0 is no limit', () => {
  const streams = createOpenStreams({ perCaller: 0, perAccount: 0 })
  for (let n = 0; n < 1000; n++) streams.enter(callerOf('1'))
})
