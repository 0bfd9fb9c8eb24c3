import { expect, test } from 'vitest'
import { createNotAgain } from './not-again.ts'

function openNotAgain() {
  const clock = { nowMs: 0, monotonic: () => clock.nowMs }
  return { clock, notAgain: createNotAgain({ clock, forMs: 1000 }) }
}

test('what was noted is over after its time, and begins anew when it is noted again', () => {
  const { clock, notAgain } = openNotAgain()
  expect(notAgain.isOver('a')).toBe(true)
  notAgain.note('a')
  clock.nowMs = 600
  expect([notAgain.isOver('a'), notAgain.isOver('b')]).toEqual([false, true])
  notAgain.note('a')
  clock.nowMs = 1500
  expect(notAgain.isOver('a')).toBe(false)
  clock.nowMs = 1600
  expect(notAgain.isOver('a')).toBe(true)
})

test('what is over is forgotten, however many keys there were in years', () => {
  const { clock, notAgain } = openNotAgain()
  for (let number = 0; number < 10_000; number++) {
    clock.nowMs += 100
    notAgain.note(`key ${number}`)
    // one that comes again and again holds up none of the others
    notAgain.note('again')
  }
  expect(notAgain.size).toBe(11)
})
