import { AddressRange, AppId, nullable, Timestamp } from '@ocelli/contract'
import { Type } from 'typebox'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { ok, route } from './route.ts'

const body = Type.Object(
  {
    appId: Type.Optional(AppId),
    at: Type.Optional(Timestamp),
    ranges: Type.Optional(Type.Array(AddressRange, { minItems: 1, maxItems: 2, uniqueItems: true })),
    count: Type.Optional(nullable(Type.Integer({ minimum: 2, maximum: 9 }))),
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 4 })),
    ids: Type.Optional(Type.Union([Type.Null(), Type.Array(Type.String())])),
    kind: Type.Optional(Type.Literal('JWE')),
  },
  { additionalProperties: false, minProperties: 1 },
)

let platform: TestPlatform
beforeAll(async () => {
  const take = { method: 'POST', path: '/take', access: 'public', tag: 'test', summary: 'Take' } as const
  const handle = async ({ body }: { body: unknown }) => ok(body)
  platform = await createTestPlatform(() => [route({ ...take, body, responses: { 200: Type.Unknown() }, handle })])
})
afterAll(() => platform.close())

async function send(payload: string | Buffer | object, type = 'application/json') {
  const answer = await platform.app.inject({ method: 'POST', url: '/take', payload, headers: { 'content-type': type } })
  return { status: answer.statusCode, ...answer.json() }
}

test.each<[object, string]>([
  [{ appId: '-x' }, '/appId must be the id inside the package: letters, digits, and after the first . _ or -'],
  [{ at: 'soon' }, '/at must be a time such as 2026-01-31T12:00:00Z'],
  [{ ranges: ['10.0.0.0/8'] }, '/ranges/0 must be an address, a network (/16 or smaller'],
  [{ ranges: [] }, '/ranges must not be empty'],
  [{ ranges: ['10.0.0.1', '10.0.0.1'] }, '/ranges must not name anything twice'],
  [{ ranges: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] }, '/ranges must have at most 2 entries'],
  [{ count: '3' }, '/count must be integer or null'],
  [{ count: 1 }, '/count must be at least 2'],
  [{ count: 10 }, '/count must be at most 9'],
  [{ title: '' }, '/title must not be empty'],
  [{ title: 'title' }, '/title must have at most 4 characters'],
  [{ ids: 5 }, '/ids must be null or array'],
  [{ ids: [5] }, '/ids/0 must be string'],
  [{ kind: 'JWS' }, '/kind must be "JWE"'],
  [{ colour: 1 }, '/colour is not known here'],
])('%j: %s', async (given, words) => {
  const { status, detail } = await send(given)
  expect(status).toBe(400)
  expect(detail).toContain(`The request's body is not valid: ${words}`)
})

test('a name of any length is told back at some length', async () => {
  const answer = await send({ ['x'.repeat(50_000)]: 1 })
  expect(answer.errors[0].pointer.length).toBeLessThan(300)
  expect(answer.detail.length).toBeLessThan(400)
})

test.each<[string, string | Buffer]>([
  ['bytes that are no UTF-8', Buffer.from([...Buffer.from('{"title":"'), 0xff, 0xfe, ...Buffer.from('"}')])],
  ['half of a character', Buffer.from([...Buffer.from('{"title":"'), 0xc3, ...Buffer.from('"}')])],
])('%s are refused, not kept as something else', async (_, payload) => {
  expect(await send(payload)).toMatchObject({ status: 400, detail: expect.stringContaining('UTF-8') })
})

test('no body is none, whatever its Content-Type says', async () => {
  expect(await send('')).toMatchObject({ status: 400, detail: expect.stringContaining('Send a JSON object') })
})
