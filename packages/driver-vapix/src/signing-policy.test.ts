import { expect, test } from 'vitest'
import { readAppLog } from './app-log.ts'
import { replyOf, webPage } from './reply-fixture.ts'
import { allowsUnsignedByVersion, readAllowUnsigned } from './signing-policy.ts'

test('the switch for unsigned apps is read from its answer', () => {
  const answer = (value: string) =>
    replyOf(`<reply result="ok">\n <param name="AllowUnsigned" value="${value}" />\n</reply>`)
  expect(readAllowUnsigned(answer('true'))).toBe(true)
  expect(readAllowUnsigned(answer('false'))).toBe(false)
})

test.each([200, 400])('a camera that fails to tell does not tell (status %i)', (status) => {
  const text = '<reply result="error">\n <error type="1" message="Error: gdbus call failed" />\n</reply>'
  expect(readAllowUnsigned(replyOf(text, { status }))).toBeNull()
})

test('a web page is a bad reply', () => {
  expect(() => readAllowUnsigned(webPage)).toThrow(expect.objectContaining({ code: 'bad-reply' }))
})

test('before there was a switch everything was taken', () => {
  expect(allowsUnsignedByVersion('9.80.1')).toBe(true)
  expect(allowsUnsignedByVersion('12.11.77')).toBeNull()
  expect(allowsUnsignedByVersion(null)).toBeNull()
})

test('the log of an app comes without its header, and of a long one the end', () => {
  const header = "----- Contents of SYSTEM_LOG for 'counter' -----\n"
  expect(readAppLog(replyOf(`${header}\n\n10:00 [ INFO ] counter[1]: no lens\n`))).toBe(
    '10:00 [ INFO ] counter[1]: no lens',
  )
  expect(readAppLog(replyOf(header))).toBeNull()
  const long = readAppLog(replyOf(header + 'a line of the log\n'.repeat(1_000))) ?? ''
  expect(long.length).toBeLessThanOrEqual(4_000)
  expect(new Set(long.split('\n'))).toEqual(new Set(['a line of the log']))
})
