import type { Problem } from '@ocelli/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../../test/postgres/test-database.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { projectRoutes } from '../../features/projects/projects-routes.ts'
import { usualLimits } from '../database/session-limits.ts'
import { every } from '../every.ts'
import { forgetKeys } from './idempotency.ts'
import { ok, route } from './route.ts'

let platform: TestPlatform
let account: TestAccount
beforeAll(async () => {
  const slow = route({
    ...{ method: 'GET', path: '/slow', access: 'signed-in', tag: 'Test', summary: 'Never ends' },
    responses: { 200: null },
    handle: async ({ context }) => ok(await sql`SELECT pg_sleep(600)`.execute(context.db)),
  })
  platform = await createTestPlatform(({ bearer }) => [slow, ...projectRoutes({ forget: bearer.forget })], undefined, {
    ...{ maxConnections: 2, limits: { ...usualLimits, statementTimeoutMs: 1000, lockTimeoutMs: 300 } },
  })
  account = await platform.account()
})
afterAll(() => platform.close())

const make = (name: string, key: string) =>
  platform.app.inject({
    ...{ method: 'POST', url: '/account/v1/projects', payload: { name } },
    headers: { ...account.headers, 'idempotency-key': key },
  })

test('a request that takes too long is told so and what to do, and gives its connection back', async () => {
  for (let count = 0; count < 3; count++) {
    const { status, headers, body } = await platform.call<Problem>(account, 'GET /slow')
    expect([status, headers['retry-after']]).toEqual([503, '60'])
    expect(body).toMatchObject({ code: 'took-too-long', retryable: true, retryAfterSeconds: 60 })
    expect(body.detail).toContain('Ask for less')
  }
  expect((await platform.call(account, 'GET /account/v1/projects')).status).toBe(200)
})

test('requests behind a stuck lock are told to come again, with reads beside it served, and the same key then works', async () => {
  await withClient(platform.connectionString, async (stuck) => {
    await stuck.query('BEGIN; LOCK TABLE project IN SHARE MODE')
    const refused = await Promise.all([1, 2, 3, 4].map((number) => make(`Gate ${number}`, `key-${number}`)))
    for (const answer of refused) {
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '5'])
      expect(answer.json<Problem>()).toMatchObject({ code: 'unavailable', retryable: true })
    }
    expect((await platform.call(account, 'GET /account/v1/projects')).status).toBe(200)
    await stuck.query('ROLLBACK')
  })
  expect((await make('Gate 1', 'key-1')).statusCode).toBe(201)
  const { body } = await platform.call<{ name: string }[]>(account, 'GET /account/v1/projects')
  expect(body.map(({ name }) => name)).toEqual(['Gate 1'])
})

test('a turn in the background that is cut off is told once and taken up again', async () => {
  const lines: string[] = []
  const write = (line: string) => void lines.push(JSON.parse(line).msg)
  let turns = 0
  await sql`UPDATE idempotency_key SET created_at = now() - interval '2 days'`.execute(platform.db)
  const run = () => forgetKeys(platform.db).finally(() => void turns++)
  const task = await withClient(platform.connectionString, async (stuck) => {
    await stuck.query('BEGIN; LOCK TABLE idempotency_key')
    const running = every({ name: 'old keys', intervalMs: 20, run }, pino({ level: 'info' }, { write }))
    await expect.poll(() => turns, { timeout: 20_000 }).toBeGreaterThan(1)
    await stuck.query('ROLLBACK')
    return running
  })
  await expect.poll(() => lines.length, { timeout: 20_000 }).toBe(2)
  await task.close()
  expect(lines).toEqual(['a periodic task failed; it is tried again', 'a periodic task works again'])
  expect((await sql`SELECT FROM idempotency_key`.execute(platform.db)).rows).toEqual([])
})
