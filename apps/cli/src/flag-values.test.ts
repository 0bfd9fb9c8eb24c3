import { describe, expect, it, test } from 'vitest'
import { choiceOf, idFrom, readTime } from './flag-values.ts'

const nowMs = Date.parse('2026-03-01T12:00:00Z')
const read = (text: string, spans: 'ago' | 'ahead' = 'ago') => readTime(text, { flag: '--since', spans, nowMs })

describe('a time', () => {
  test.each([
    ['2026-01-31T08:00:00Z', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31T08:00+02:00', '2026-01-31T06:00:00.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['90m', '2026-03-01T10:30:00.000Z'],
    ['24h', '2026-02-28T12:00:00.000Z'],
    ['7d', '2026-02-22T12:00:00.000Z'],
  ])('is read as a person types it: %s', (text, time) => {
    expect(read(text)).toBe(time)
  })

  it('may lie ahead', () => {
    expect(read('7d', 'ahead')).toBe('2026-03-08T12:00:00.000Z')
  })

  test.each([
    'yesterday',
    '',
    '24',
    '7w',
    '2026-13-01',
    '2026-02-29',
    '2026-04-31T08:00:00Z',
    '2026-01-31T08:00:00',
    '-1d',
    '01/31/2026',
  ])('is refused with what can be given: %j', (text) => {
    expect(() => read(text)).toThrow(/--since: ".*" is no time\. Give one such as/)
  })
})

it('a choice is taken in any case, and handed on as the API writes it', () => {
  const { parseArg } = choiceOf('--state <state>', 'in this state', ['CLAIMED', 'UNCLAIMED'])
  expect(parseArg?.('claimed', undefined)).toBe('CLAIMED')
  expect(() => parseArg?.('claim', undefined)).toThrow('Allowed choices are CLAIMED, UNCLAIMED.')
})

it('a part of an id is refused with the command that shows the whole', () => {
  const whole = '08d2f4c1-0000-4000-8000-000000000000'
  expect(idFrom('ocelli orders list')(whole)).toBe(whole)
  for (const part of ['08d2', '08d2...', 'PO-7', '']) {
    expect(() => idFrom('ocelli orders list')(part)).toThrow('ocelli orders list')
  }
})
