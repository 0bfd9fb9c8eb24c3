import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

test('so much at once, one thing at a time at a place, and a failure holds nobody up', async () => {
  const turns = createTurns(2)
  const begun: string[] = []
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const work = (name: string) => async () => {
    begun.push(name)
    const gate = Promise.withResolvers<void>()
    gates.set(name, gate)
    await gate.promise
  }
  const first = turns.run('a', work('a1'))
  const all = [first, turns.run('a', work('a2')), turns.run('b', work('b1')), turns.run('c', work('c1'))]
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  await settle()
  expect(begun).toEqual(['a1', 'b1'])
  gates.get('a1')?.reject(new Error('broken'))
  await expect(first).rejects.toThrow('broken')
  await settle()
  expect(begun).toEqual(['a1', 'b1', 'c1'])
  gates.get('b1')?.resolve()
  await settle()
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2'])
  for (const gate of gates.values()) gate.resolve()
  await Promise.allSettled(all)
})
