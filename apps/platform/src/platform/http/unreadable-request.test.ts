import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { ok, route } from './route.ts'
import { formType } from './wire-text.ts'

const closed = { additionalProperties: false }
const shelf = { tag: 'test', access: 'signed-in', responses: { 200: Type.Unknown() } } as const
const read = route({
  ...{ ...shelf, method: 'GET', path: '/shelf/:id', summary: 'Read' },
  params: Type.Object({ id: Type.String({ maxLength: 255 }) }, closed),
  query: Type.Object({ size: Type.Optional(Type.Integer()), full: Type.Optional(Type.Boolean()) }, closed),
  handle: async ({ query }) => ok(query),
})
const write = route({
  ...{ ...shelf, method: 'POST', path: '/shelf', summary: 'Write' },
  body: Type.Object({ name: Type.String() }, closed),
  handle: async ({ body }) => ok(body),
})

let platform: TestPlatform
let caller: TestAccount
beforeAll(async () => {
  platform = await createTestPlatform(() => [read, write])
  caller = await platform.account()
})
afterAll(() => platform.close())

async function send(method: 'GET' | 'POST', url: string, { type, body }: { type?: string; body?: string } = {}) {
  const headers = { authorization: `Bearer ${caller.token}`, ...(type ? { 'content-type': type } : {}) }
  const answer = await platform.app.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) })
  return { status: answer.statusCode, type: answer.headers['content-type'], body: answer.json() }
}

describe('what cannot be read is a problem that says what to do', () => {
  test.each([
    ['a path that is not percent-encoded', '/shelf/%zz', 'percent-encoded'],
    ['a path that is not UTF-8', '/shelf/a%ED%A0%80', 'percent-encoded'],
    ['a part of the path that is longer than any id', `/shelf/${'a'.repeat(5000)}`, 'longer than any id'],
  ])('%s', async (_, url, words) => {
    const answer = await send('GET', url)
    expect(answer).toMatchObject({ status: 400, type: 'application/problem+json', body: { code: 'invalid-request' } })
    expect(answer.body).toMatchObject({ detail: expect.stringContaining(words), requestId: expect.any(String) })
  })

  test.each<[string, { type?: string; body?: string }, number]>([
    ['no body at all', {}, 400],
    ['an array', { type: 'application/json', body: '[]' }, 400],
    ['a form, as curl sends it unasked', { type: formType, body: '{"name":"x"}' }, 415],
    ['plain text', { type: 'text/plain', body: '{"name":"x"}' }, 415],
  ])('%s where JSON is meant', async (_, sent, status) => {
    const answer = await send('POST', '/shelf', sent)
    expect(answer).toMatchObject({ status, type: 'application/problem+json' })
    expect(answer.body.detail).toContain('Content-Type: application/json')
  })
})

describe('numbers and booleans in a query', () => {
  test('are made of their text', async () => {
    expect(await send('GET', '/shelf/1?size=20&full=true')).toMatchObject({
      status: 200,
      body: { size: 20, full: true },
    })
  })

  test.each(['1.5', '1x', '', '0x10', '1e2', 'NaN'])('"%s" is no whole number', async (size) => {
    expect(await send('GET', `/shelf/1?size=${size}`)).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
  })
})
