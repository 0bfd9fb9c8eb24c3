import { expect, test } from 'vitest'
import { whyNotAllowed } from './password-rules.ts'

const none = { minLength: 0, uppercase: 0, digits: 0, special: 0, blocksUserName: false }
const why = (password: string, changes: Partial<typeof none> = {}, maxLength: number | null = null) =>
  whyNotAllowed(password, { user: 'admin', rules: { maxLength, complexity: { ...none, ...changes } } })

test.each([
  ['Abcdef-1', {}, null],
  ['x', { minLength: 1 }, null],
  ['Ab1-', { minLength: 4, uppercase: 1, digits: 1, special: 1 }, 4],
  ['two words', {}, null],
])('%j is allowed', (password, rules, maxLength) => {
  expect(why(password, rules, maxLength)).toBeNull()
})

test.each([
  ['', {}, null, /English keyboard/],
  [' x', {}, null, /blank/],
  ['x ', {}, null, /blank/],
  ['pässword', {}, null, /English keyboard/],
  ['tab\tx', {}, null, /English keyboard/],
  ['abcde', {}, 4, /4 characters at most/],
  ['abc', { minLength: 8 }, null, /at least 8 characters/],
  ['abc', { uppercase: 1, digits: 2, special: 1 }, null, /1 capital letter\(s\), 2 digit\(s\), 1 character/],
  ['my-Admin-1', { blocksUserName: true }, null, /user name/],
])('%j is not, and the answer says why', (password, rules, maxLength, words) => {
  expect(why(password, rules, maxLength)).toMatch(words)
})
