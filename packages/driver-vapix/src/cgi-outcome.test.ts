import { expect, test } from 'vitest'
import { readOutcome } from './cgi-outcome.ts'
import { replyOf, webPage } from './reply-fixture.ts'

const read = (body: string, status = 200) => readOutcome(replyOf(body, { status }), 'upload.cgi')

test.each(['OK', 'OK\n', ' OK\r\n', 'OK package=counter version=1.0'])('%j is a success', (body) => {
  expect(read(body)).toEqual({ kind: 'ok' })
})

test.each([
  ['Error: 2', 2],
  ['Error: 29\n', 29],
  ['Error:10', 10],
  ['<reply result="error"><error type="1" message="Error: gdbus call failed" /></reply>', 1],
])('%j is an error, with status 200 as well as 400', (body, code) => {
  expect(read(body)).toMatchObject({ kind: 'error', code })
  expect(read(body, 400)).toMatchObject({ kind: 'error', code })
})

test.each(['', 'OKAY', 'Error: none', '{"ok":true}'])('%j is a bad reply', (body) => {
  expect(() => read(body)).toThrow(expect.objectContaining({ code: 'bad-reply', retryable: true }))
})

test.each(['<error ', '<error', '<error type="', 'x<error a=" ', '<error type="1', ' '])(
  'two megabytes of %j are a bad reply at once',
  (piece) => {
    const body = piece.repeat(2_000_000 / piece.length)
    const startedAt = performance.now()
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'bad-reply' }))
    expect(performance.now() - startedAt).toBeLessThan(1000)
  },
)

test('a web page with status 200 is a bad reply, whatever it says', () => {
  expect(() => readOutcome(webPage, 'upload.cgi')).toThrow(expect.objectContaining({ code: 'bad-reply' }))
  expect(() => read('<html>OK</html>')).toThrow(expect.objectContaining({ code: 'bad-reply' }))
})

test.each([
  [302, 'bad-reply'],
  [401, 'credentials-refused'],
  [403, 'refused'],
  [404, 'unsupported'],
  [500, 'bad-reply'],
  [503, 'busy'],
])('status %i is %s', (status, code) => {
  expect(() => read('', status)).toThrow(expect.objectContaining({ code }))
})
