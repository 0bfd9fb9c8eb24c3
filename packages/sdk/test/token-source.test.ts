import { expect, test } from 'vitest'
import { createTokenSource } from '../src/auth/token-source.ts'
import { createTestClock } from './test-clock.ts'

function source(lifetimeMs = 600_000) {
  let issued = 0
  const fails: { next: boolean } = { next: false }
  const clock = createTestClock()
  const tokens = createTokenSource({
    clock,
    async fetchToken() {
      if (fails.next) throw new Error('no token now')
      return { token: `t${++issued}`, lifetimeMs }
    },
  })
  return { tokens, clock, fails }
}

test('one that comes late with an old token does not take the new one from the others', async () => {
  const { tokens } = source()
  expect(await tokens.get()).toBe('t1')
  tokens.forget('t1')
  expect(await tokens.get()).toBe('t2')
  tokens.forget('t1')
  expect(await tokens.get()).toBe('t2')
})

test('a fetch that fails fails for those who waited, and the next call fetches again', async () => {
  const { tokens, fails } = source()
  fails.next = true
  const waiting = await Promise.allSettled([tokens.get(), tokens.get()])
  expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  fails.next = false
  expect(await tokens.get()).toBe('t1')
})

test('a token with a short life is used for most of it', async () => {
  const { tokens, clock } = source(10_000)
  await tokens.get()
  clock.advance(7900)
  expect(await tokens.get()).toBe('t1')
  clock.advance(200)
  expect(await tokens.get()).toBe('t2')
})
