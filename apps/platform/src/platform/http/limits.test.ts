import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { ok, route } from './route.ts'

const perSecond = 5
const burst = perSecond * 2

let platform: TestPlatform
beforeAll(async () => {
  const open = route({
    ...{ method: 'GET', path: '/here', access: 'signed-in', tag: 'test', summary: 'Here' },
    responses: { 200: null },
    handle: async () => ok(null),
  })
  const options = { rateLimitPerSecond: perSecond, trustedProxies: ['10.0.0.0/8'] }
  platform = await createTestPlatform(() => [open], undefined, options)
})
afterAll(() => platform.close())

interface Asked {
  token: string
  from: string
  forwarded?: string
}

async function ask({ token, from, forwarded }: Asked): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, ...(forwarded ? { 'x-forwarded-for': forwarded } : {}) }
  const answer = await platform.app.inject({ method: 'GET', url: '/here', headers, remoteAddress: from })
  if (answer.statusCode === 429) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  return answer.statusCode
}

/** So many made-up tokens, each another. */
const guess = (times: number, place: (n: number) => Omit<Asked, 'token'>) =>
  Promise.all(Array.from({ length: times }, (_, n) => ask({ token: `ocp_made-up-${n}`, ...place(n) })))

const count = (statuses: number[], status: number) => statuses.filter((one) => one === status).length

test('made-up tokens count together, for their address and the network of it, and no caller who is known waits for them', async () => {
  const [{ token }, late] = [await platform.account(), await platform.account()]
  const from = '2001:db8::1'
  expect(await ask({ token, from })).toBe(200)
  const statuses = await guess(burst * 3, (n) => ({ from: `2001:db8::${(n + 2).toString(16)}` }))
  expect(count(statuses, 401)).toBeLessThanOrEqual(burst)
  expect(count(statuses, 401) + count(statuses, 429)).toBe(burst * 3)
  expect(await ask({ token, from })).toBe(200)
  // one who was never seen waits for the end of the window, and no longer
  await expect.poll(() => ask({ token: late.token, from }), { timeout: 20_000, interval: 250 }).toBe(200)
})

test('a caller has one limit, however many tokens it makes', async () => {
  const account = await platform.account()
  const from = '192.0.2.50'
  const tokens = [account.token]
  for (let n = 0; n < 3; n++) tokens.push((await platform.user(account.accountId, [])).token)
  const { db } = platform
  await db
    .updateTable('access_token')
    .set({ user_id: account.userId })
    .where('account_id', '=', account.accountId)
    .execute()
  for (const token of tokens) expect(await ask({ token, from })).toBe(200)
  const statuses = await Promise.all(
    Array.from({ length: burst * 2 }, (_, n) =>
      ask({ token: tokens[n % tokens.length] ?? '', from: `198.51.100.${n}` }),
    ),
  )
  expect(count(statuses, 200)).toBeLessThanOrEqual(burst)
  expect(count(statuses, 429)).toBeGreaterThanOrEqual(burst)
})

test('behind a trusted proxy the client counts that it names; from anybody else that is only a claim', async () => {
  const behind = await guess(burst * 2, (n) => ({ from: '10.1.2.3', forwarded: `203.0.113.${n}` }))
  expect(count(behind, 401)).toBe(burst * 2)
  const one = await guess(burst * 2, (n) => ({ from: '10.1.2.3', forwarded: `1.1.1.${n}, 203.0.113.200` }))
  expect(count(one, 429)).toBeGreaterThanOrEqual(burst)
  const claimed = await guess(burst * 2, (n) => ({ from: '192.0.2.99', forwarded: `203.0.113.${n}` }))
  expect(count(claimed, 429)).toBeGreaterThanOrEqual(burst)
})
