import { expect, test } from 'vitest'
import { createInbox } from './inbox.ts'

test('what comes early is delivered in its order once the inbox is open, what comes later at once', () => {
  const delivered: string[] = []
  const inbox = createInbox((text) => void delivered.push(text))
  inbox.take('a')
  inbox.take('b')
  expect(delivered).toEqual([])
  inbox.open()
  expect(delivered).toEqual(['a', 'b'])
  inbox.take('c')
  inbox.open()
  expect(delivered).toEqual(['a', 'b', 'c'])
})
