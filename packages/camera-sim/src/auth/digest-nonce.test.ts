import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createManualTime } from '../time.ts'
import { createNonceBook } from './digest-nonce.ts'

function createBook() {
  const time = createManualTime(1_000_000)
  return { time, book: createNonceBook({ nowMs: time.nowMs, lifeMs: 60_000, randomBytes }) }
}

test('a nonce is good for its life, then stale', () => {
  const { time, book } = createBook()
  const nonce = book.issue()
  time.advance(59_999)
  expect(book.judge(nonce)).toBe('usable')
  time.advance(1)
  expect(book.judge(nonce)).toBe('stale')
})

test('nonces that were made up, changed, or issued before a reboot are foreign', () => {
  const { book } = createBook()
  const nonce = book.issue()
  const bytes = Buffer.from(nonce, 'base64url')
  bytes[0] = (bytes[0] ?? 0) ^ 1
  for (const other of [
    '',
    'nonsense',
    `${nonce}=`,
    `${nonce}A`,
    bytes.toString('base64url'),
    createBook().book.issue(),
  ]) {
    expect(book.judge(other)).toBe('foreign')
  }
  book.forget()
  expect(book.judge(nonce)).toBe('foreign')
})

test('each count is taken once, also out of order, but none from far back', () => {
  const { book } = createBook()
  const nonce = book.issue()
  expect([3, 1, 2].map((count) => book.use(nonce, count))).toEqual([true, true, true])
  expect([1, 2, 3].map((count) => book.use(nonce, count))).toEqual([false, false, false])
  expect(book.use(nonce, 1000)).toBe(true)
  expect([book.use(nonce, 872), book.use(nonce, 873)]).toEqual([false, true])
})

test('however many nonces are used, a replay stays a replay', () => {
  const { time, book } = createBook()
  const first = book.issue()
  book.use(first, 1)
  for (let index = 0; index < 400; index += 1) {
    time.advance(1)
    book.use(book.issue(), 1)
  }
  const isReplayTaken = book.judge(first) === 'usable' && book.use(first, 1)
  expect(isReplayTaken).toBe(false)
  expect(book.judge(book.issue())).toBe('usable')
})
