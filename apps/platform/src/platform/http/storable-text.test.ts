import { sql } from 'kysely'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { ok, route } from './route.ts'

const Text = Type.String()
const closed = { additionalProperties: false }

/** Brings everything it was sent to the database and back, as text and in a JSON document. */
const echo = route({
  ...{ method: 'POST', path: '/echo/:id', access: 'signed-in', tag: 'test', summary: 'Echo' },
  params: Type.Object({ id: Text }, closed),
  query: Type.Object({ q: Type.Optional(Text) }, closed),
  body: Type.Object({ names: Type.Array(Text), data: Type.Record(Text, Text) }, closed),
  responses: { 200: Type.Object({ texts: Type.Array(Text), data: Type.Record(Text, Text) }) },
  async handle({ context, params, query, body }) {
    const texts = [params.id, query.q ?? '', ...body.names]
    const { rows } = await sql<{ texts: string[]; data: unknown }>`
      SELECT ${texts}::text[] AS texts, ${JSON.stringify(body.data)}::jsonb AS data`.execute(context.db)
    return ok(rows[0])
  },
})

/** Takes any body. */
const deep = route({
  ...{ method: 'POST', path: '/deep', access: 'signed-in', tag: 'test', summary: 'Deep' },
  body: Type.Unknown(),
  responses: { 200: null },
  handle: async () => ok(null),
})

let platform: TestPlatform
let caller: TestAccount
beforeAll(async () => {
  platform = await createTestPlatform(() => [echo, deep])
  caller = await platform.account()
})
afterAll(() => platform.close())

const send = (path: string, body: { names?: string[]; data?: Record<string, string> } = {}) =>
  platform.call(caller, `POST /echo/${path}`, { names: [], data: {}, ...body })

describe('text that PostgreSQL cannot hold is a wrong request', () => {
  test.each([
    ['a NUL in the path', 'a%00b', {}, '/id'],
    ['a NUL in the query', 'a?q=%00', {}, '/q'],
    ['a NUL in the body', 'a', { names: ['fine', 'a\0b'] }, '/names/1'],
    ['a NUL in a name of the body', 'a', { data: { 'a\0': 'b' } }, '/data'],
    ['half of a surrogate pair', 'a', { data: { 'a/b~c': '\ud83d' } }, '/data/a~1b~0c'],
  ])('%s', async (_, path, body, pointer) => {
    const answer = await send(path, body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request', errors: [{ pointer }] } })
  })

  test('and everything else comes back as it was', async () => {
    const body = { names: ['', '\u0001\t\n\u007f', '\\u0000', '😀'], data: { ü: '\\ud83d' } }
    const answer = await send('a%01?q=%0A', body)
    expect(answer).toMatchObject({ status: 200, body: { texts: ['a\u0001', '\n', ...body.names], data: body.data } })
  })

  test('however deep a body is nested', async () => {
    const payload = `{"names":[],"data":{"a":${'['.repeat(100_000)}"\\u0000"${']'.repeat(100_000)}}}`
    const headers = { ...caller.headers, 'content-type': 'application/json' }
    const { statusCode } = await platform.app.inject({ method: 'POST', url: '/deep', headers, payload })
    expect(statusCode).toBe(400)
  })
})
