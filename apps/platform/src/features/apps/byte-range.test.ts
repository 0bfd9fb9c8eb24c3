import { expect, test } from 'vitest'
import { namesEntityTag, readRange } from './byte-range.ts'

const part = (start: number, end: number) => ({ kind: 'part', range: { start, end } })

test.each([
  [undefined, { kind: 'whole' }],
  ['bytes=0-9', part(0, 9)],
  ['bytes=90-', part(90, 99)],
  ['bytes=90-500', part(90, 99)],
  ['bytes=-10', part(90, 99)],
  ['bytes=-500', part(0, 99)],
  ['bytes=100-', { kind: 'unsatisfiable' }],
  ['bytes=-0', { kind: 'unsatisfiable' }],
  ['bytes=9-8', { kind: 'whole' }],
  ['bytes=0-1,5-6', { kind: 'whole' }],
  ['lines=0-1', { kind: 'whole' }],
  ['bytes=-', { kind: 'whole' }],
])('Range %s of 100 bytes', (header, answer) => {
  expect(readRange(header, 100)).toEqual(answer)
})

test('an empty file has no range', () => {
  expect(readRange('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' })
})

test('If-None-Match names an entity tag weakly, in a list, or by a star', () => {
  expect(namesEntityTag('W/"b", W/"a"', '"a"')).toBe(true)
  expect(namesEntityTag('*', '"a"')).toBe(true)
  expect(namesEntityTag('"b"', '"a"')).toBe(false)
  expect(namesEntityTag(undefined, '"a"')).toBe(false)
})
