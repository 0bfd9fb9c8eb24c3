import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { byPlatform, emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { createOpenStreams } from '../../platform/http/open-streams.ts'
import { eventRoutes } from './event-routes.ts'

const pollEveryMs = 50
const stalledAfterMs = 2500

let platform: TestPlatform
let connectionString = ''
let address = ''
let statements = 0
const closing = new AbortController()

beforeAll(async () => {
  platform = await createTestPlatform(({ db, bearer, connectionString: url }) => {
    connectionString = url
    const counted = db.withPlugin({
      transformQuery({ node }) {
        statements += 1
        return node
      },
      transformResult: async ({ result }) => result,
    })
    return eventRoutes({
      streams: createOpenStreams({ perCaller: 20, perAccount: 0 }),
      db: counted,
      log: pino({ level: 'silent' }),
      authenticate: bearer.authenticate,
      closing: closing.signal,
      times: { heartbeatEveryMs: 200, stalledAfterMs },
      limits: { pollEveryMs, heldPerAccount: 20 },
    })
  })
  address = await platform.app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(async () => {
  closing.abort()
  await platform.close()
})

const emit = (...events: NewEvent[]) => emitEvents(platform.db, byPlatform, events)
const changed = (accountId: string, deviceId: string, more: Partial<NewEvent> = {}): NewEvent => ({
  ...{ type: 'device.changed', accountId, deviceId, ...more },
})

/** Opens the stream; `until` gives the text received up to the event that contains `text`, or to the end. */
async function openStream(as: TestAccount, headers: Record<string, string> = {}, query = '') {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(40_000)])
  const response = await fetch(`${address}/events/v1/stream${query}`, {
    headers: { ...as.headers, ...headers },
    signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (!reader) throw new Error('The stream has no body.')
  let received = ''
  return {
    type: response.headers.get('content-type'),
    stop: () => stop.abort(),
    async until(text: string | null): Promise<string> {
      let at = text === null ? 0 : received.indexOf(text)
      for (let from = 0; text === null || at < 0 || !received.includes('\n\n', at); ) {
        const { done, value } = await reader.read()
        if (done) return text === null ? received : Promise.reject(new Error(`The stream ended before ${text}.`))
        received += value
        if (at < 0 && text !== null) at = received.indexOf(text, from)
        from = Math.max(0, received.length - (text?.length ?? 0))
      }
      return received
    },
  }
}

/** The devices of the events that are complete, and the last id. */
function readEvents(text: string): { deviceIds: string[]; lastId: string } {
  const blocks = text.split('\n\n').slice(0, -1)
  return {
    deviceIds: blocks.flatMap((block) => [/"deviceId":"([^"]+)"/.exec(block)?.[1] ?? []].flat()),
    lastId: blocks.flatMap((block) => [/^id: (\S+)$/m.exec(block)?.[1] ?? []].flat()).at(-1) ?? '',
  }
}

test('streams events as they happen, and goes on after Last-Event-ID', async () => {
  const account = await platform.account()
  const live = await openStream(account)
  expect(live.type).toContain('text/event-stream')
  await live.until('retry:')
  for (const deviceId of ['one', 'two']) await emit(changed(account.accountId, deviceId))
  const text = await live.until('"two"')
  expect(text).toContain('event: device.changed')
  const firstId = /id: (\S+)\nevent:/.exec(text)?.[1] ?? ''
  const resumed = await (await openStream(account, { 'last-event-id': firstId })).until('"two"')
  expect(resumed).not.toContain('"one"')
  const openingId = /retry: 3000\nid: (\S+)\n\n/.exec(text)?.[1] ?? ''
  expect(await (await openStream(account, { 'last-event-id': openingId })).until('"two"')).toContain('"one"')
})

test('a caller has so many streams, and one more when another has ended', async () => {
  const account = await platform.account()
  const open = await Promise.all(Array.from({ length: 20 }, () => openStream(account)))
  const ask = () => fetch(`${address}/events/v1/stream`, { headers: account.headers })
  const refused = await ask()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '15'])
  expect(await refused.json()).toMatchObject({ code: 'too-many-requests', retryable: true })
  open[0]?.stop()
  const again = async () => {
    const answer = await ask()
    await answer.body?.cancel()
    return answer.status
  }
  await expect.poll(again, { timeout: 20_000 }).toBe(200)
})

test('HEAD tells of the stream and keeps none open', async () => {
  const account = await platform.account()
  const ask = { method: 'HEAD', headers: account.headers, signal: AbortSignal.timeout(20_000) }
  for (let time = 0; time < 21; time++) {
    const answer = await fetch(`${address}/events/v1/stream`, ask)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect(await answer.text()).toBe('')
  }
})

test('says in quiet times that it lives, and up to where nothing was missed', async () => {
  const account = await platform.account()
  const quiet = await openStream(account, {}, '?deviceId=none')
  await emit(changed(account.accountId, 'before'))
  await pause(3 * pollEveryMs)
  const opening = await quiet.until(': still here')
  await emit(changed(account.accountId, 'after'))
  const { lastId } = readEvents(opening)
  expect(opening).not.toContain('event:')
  const resumed = readEvents(await (await openStream(account, { 'last-event-id': lastId })).until('"after"'))
  expect(resumed.deviceIds).toEqual(['after'])
})

test('gives an event that commits after later ones, in the order of transactions', async () => {
  const account = await platform.account()
  const live = await openStream(account)
  await live.until('retry:')
  const slow = new Client({ connectionString })
  await slow.connect()
  onTestFinished(() => slow.end())
  await slow.query('BEGIN')
  await slow.query(
    `INSERT INTO event (account_id, type, actor_kind, device_id) VALUES ($1, 'device.changed', 'platform', 'late')`,
    [account.accountId],
  )
  await emit(changed(account.accountId, 'early'))
  await live.until(': still here')
  await slow.query('COMMIT')
  expect(readEvents(await live.until('"early"')).deviceIds).toEqual(['late', 'early'])
})

test('shows a caller its own account’s and projects’ events, and those it asked for', async () => {
  const [account, other] = [await platform.account(), await platform.account()]
  const { accountId } = account
  const member = await platform.account({ accountId, permissions: ['audit:view'] })
  const project = { account_id: accountId, project_id: randomUUID() }
  await platform.db
    .insertInto('project')
    .values({ ...project, name: 'P' })
    .execute()
  await platform.db
    .insertInto('project_member')
    .values({ ...project, user_id: member.userId })
    .execute()
  const streams = {
    all: await openStream(account),
    member: await openStream(member),
    other: await openStream(other),
    one: await openStream(account, {}, '?deviceId=mine&type=device.changed'),
  }
  await emit(
    changed(accountId, 'mine', { projectIds: [project.project_id] }),
    changed(accountId, 'mine', { type: 'device.moved' }),
    changed(accountId, 'theirs', { projectIds: [randomUUID()] }),
    changed(accountId, 'free', { projectIds: [] }),
  )
  await emit(changed(other.accountId, 'foreign'))
  expect(readEvents(await streams.all.until('"free"')).deviceIds).toEqual(['mine', 'mine', 'theirs', 'free'])
  expect(readEvents(await streams.member.until('"free"')).deviceIds).toEqual(['mine', 'mine', 'free'])
  expect(readEvents(await streams.other.until('"foreign"')).deviceIds).toEqual(['foreign'])
  expect(readEvents(await streams.one.until(': still here')).deviceIds).toEqual(['mine'])
})

test('gives all to a reader that falls behind what is held for all', async () => {
  const account = await platform.account()
  const from = await openStream(account)
  const { lastId } = readEvents(await from.until('\n\n'))
  const deviceIds = Array.from({ length: 250 }, (_, at) => `device-${String(at).padStart(3, '0')}`)
  for (const deviceId of deviceIds) await emit(changed(account.accountId, deviceId))
  const resumed = await openStream(account, { 'last-event-id': lastId })
  expect(readEvents(await resumed.until('"device-249"')).deviceIds).toEqual(deviceIds)
  expect(readEvents(await from.until('"device-249"')).deviceIds).toEqual(deviceIds)
})

test('drops a reader that takes nothing, which resumes by its last id and misses nothing', async () => {
  const account = await platform.account()
  const accepted = once(platform.app.server, 'connection') as Promise<[Socket]>
  const request = get(`${address}/events/v1/stream`, { headers: account.headers, agent: false })
  const [connection] = await accepted
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  const deviceIds = Array.from({ length: 300 }, (_, at) => `device-${at}`)
  const filling = 'x'.repeat(50_000)
  // More than the buffers of a connection on loopback hold.
  for (const deviceId of deviceIds) await emit(changed(account.accountId, deviceId, { data: { filling } }))
  await expect.poll(() => connection.destroyed, { timeout: 30_000 }).toBe(true)
  // What was written before the stall is still there to be read.
  let text = ''
  answer.setEncoding('utf8')
  await new Promise<void>((resolve) => {
    answer.on('data', (chunk: string) => {
      text += chunk
    })
    answer.once('close', resolve).once('error', () => resolve())
  })
  const first = readEvents(text)
  expect(first.deviceIds.length).toBeLessThan(deviceIds.length)
  const resumed = await openStream(account, { 'last-event-id': first.lastId })
  const rest = readEvents(await resumed.until('"device-299"'))
  expect([...first.deviceIds, ...rest.deviceIds]).toEqual(deviceIds)
}, 60_000)

test('many streams of several accounts cost one statement a turn, and none when they are gone', async () => {
  const accounts = [await platform.account(), await platform.account()]
  const streams = await Promise.all(
    Array.from({ length: 40 }, (_, at) => openStream(accounts[at % 2] ?? accounts[0] ?? fail())),
  )
  await Promise.all(streams.map((stream) => stream.until('retry:')))
  statements = 0
  const startedAtMs = performance.now()
  await emit(...accounts.map(({ accountId }) => changed(accountId, 'seen')))
  await Promise.all(streams.map((stream) => stream.until('"seen"')))
  await Promise.all(streams.map((stream) => stream.until(': still here')))
  expect(statements).toBeGreaterThan(0)
  expect(statements).toBeLessThanOrEqual((performance.now() - startedAtMs) / pollEveryMs + 2)

  for (const stream of streams) stream.stop()
  await expect
    .poll(
      async () => {
        const before = statements
        await pause(3 * pollEveryMs)
        return statements - before
      },
      { timeout: 10_000 },
    )
    .toBe(0)
})

test('a stream ends soon after its token is revoked', async () => {
  const account = await platform.account()
  const stream = await openStream(account)
  await stream.until('retry:')
  await platform.db
    .updateTable('access_token')
    .set({ revoked_at: new Date().toISOString() })
    .where('user_id', '=', account.userId)
    .execute()
  await stream.until(null)
})

function fail(): never {
  throw new Error('No account.')
}
