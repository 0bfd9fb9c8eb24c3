import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { generatePassword } from './generate-password.ts'

const many = Array.from({ length: 2_000 }, () => generatePassword({ user: 'root' }, randomBytes))

test('has 15 characters of every kind, and begins with a letter', () => {
  for (const password of many) {
    expect(password).toMatch(/^[A-Za-z][A-Za-z0-9._!-]{14}$/)
    for (const kind of [/[A-Z]/, /[a-z]/, /[2-9]/, /[-_.!]/]) expect(password).toMatch(kind)
  }
})

test('repeats no character at once, and has no three in a row', () => {
  for (const password of many) expect(password).not.toMatch(/(.)\1|abc|bcd|234|345|432|cba|xyz/i)
})

test('is another one every time, and uses all of the alphabet', () => {
  expect(new Set(many).size).toBe(many.length)
  expect(new Set(many.join('')).size).toBe(24 + 24 + 8 + 4)
})

test('does not hold the name of the user, in whatever case', () => {
  for (let count = 0; count < 500; count += 1) {
    expect(generatePassword({ user: 'A' }, randomBytes)).not.toMatch(/a/i)
  }
})

test('is as long as asked, and leaves bytes out that would make characters likelier', () => {
  expect(generatePassword({ user: '', length: 40 }, randomBytes)).toHaveLength(40)
  const asked: number[] = []
  const biased = (bytes: number) => {
    asked.push(bytes)
    return asked.length === 1 ? new Uint8Array(bytes).fill(255) : randomBytes(bytes)
  }
  generatePassword({ user: '' }, biased)
  expect(asked.length).toBeGreaterThan(1)
})
