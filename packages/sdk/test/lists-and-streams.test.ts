import { expect, test } from 'vitest'
import { failure, play } from './play.ts'
import { json, problem, type Scene } from './scripted-server.ts'

const pageOf = (ids: string[], nextCursor: string | null) =>
  json({ items: ids.map((deviceId) => ({ deviceId })), page: 0, size: 2, nextCursor, total: null })

test('a list is read page by page, only as far as somebody reads', async () => {
  const { client, server } = await play([pageOf(['a', 'b'], 'one'), pageOf(['c', 'd'], 'two'), pageOf(['e'], null)])
  const list = client.devices.list({ size: 2, connectivity: 'ONLINE' })
  const seen: string[] = []
  for await (const { deviceId } of list) {
    seen.push(deviceId)
    if (deviceId === 'c') break
  }
  expect(seen).toEqual(['a', 'b', 'c'])
  expect(server.received.map(({ url }) => url)).toEqual([
    '/device/v1/devices?size=2&connectivity=ONLINE',
    '/device/v1/devices?size=2&connectivity=ONLINE&cursor=one',
  ])
})

test('an empty list has one page and no item, and toArray obeys its limit', async () => {
  const empty = await play([pageOf([], null)])
  expect(await empty.client.devices.list().toArray()).toEqual([])
  const pages: unknown[] = []
  for await (const page of empty.client.devices.list().pages()) pages.push(page)
  expect(pages).toHaveLength(1)
  const { client, server } = await play([pageOf(['a', 'b'], 'one'), pageOf(['c'], null)])
  expect(await client.devices.list().toArray({ limit: 2 })).toHaveLength(2)
  expect(server.received).toHaveLength(1)
})

test('a list whose cursor does not move ends with an error instead of never', async () => {
  const { client } = await play([pageOf(['a'], 'same')])
  expect(await failure(client.devices.list().toArray())).toMatchObject({ kind: 'bad-answer', code: 'cursor-stuck' })
})

test('numbered lists end with a page that is not full', async () => {
  const { client, server } = await play([json([{ appId: 'a' }, { appId: 'b' }]), json([{ appId: 'c' }])])
  expect(await client.apps.list({ size: 2, q: 'x y' }).toArray()).toHaveLength(3)
  expect(server.received.map(({ url }) => url)).toEqual([
    '/store/v1/apps?q=x+y&size=2&page=0',
    '/store/v1/apps?q=x+y&size=2&page=1',
  ])
})

test('events are read up to the present, where the cursor stays as it is', async () => {
  const { client, server } = await play([
    json({ items: [{ eventId: '5-1' }], nextCursor: '5-1' }),
    json({ items: [], nextCursor: '5-1' }),
  ])
  expect(await client.events.list({ deviceId: 'CAM-1' }).toArray()).toEqual([{ eventId: '5-1' }])
  expect(server.received).toHaveLength(2)
})

test('a page of events without any is not the last where the platform says that there is more', async () => {
  const { client, server } = await play([
    json({ items: [], nextCursor: '7-1', hasMore: true }),
    json({ items: [{ eventId: '9-1' }], nextCursor: '9-4', hasMore: true }),
    json({ items: [], nextCursor: '12-0', hasMore: false }),
  ])
  expect(await client.events.list({ type: 'rare' }).toArray()).toEqual([{ eventId: '9-1' }])
  expect(server.received.map(({ url }) => new URL(url ?? '', 'http://x').searchParams.get('cursor'))).toEqual([
    null,
    '7-1',
    '9-4',
  ])
})

test('a list whose cursor stays although there is more ends as a bad answer, not never', async () => {
  const stuck = json({ items: [], nextCursor: '7-1', hasMore: true })
  const { client } = await play([stuck, stuck])
  expect(await failure(client.events.list().toArray())).toMatchObject({ code: 'cursor-stuck' })
})

test('a bare list that is no list, and an object that is none, are bad answers', async () => {
  const { client } = await play([json({ error: 'x' }), json('text')])
  expect(await failure(client.sites.list())).toMatchObject({ kind: 'bad-answer', code: 'unexpected-shape' })
  expect(await failure(client.sites.get('1'))).toMatchObject({ kind: 'bad-answer', code: 'unexpected-shape' })
})

const eventText = (id: string) =>
  `id: ${id}\nevent: device.changed\ndata: ${JSON.stringify({ eventId: id, type: 'device.changed' })}\n\n`
/** Sends the text, in two pieces that break in the middle of a line, and then ends, breaks or stays. */
const streamOf =
  (text: string, then: 'ends' | 'breaks' | 'stays'): Scene =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(text.slice(0, text.length / 2))
    response.write(text.slice(text.length / 2), () => {
      if (then === 'ends') response.end()
      if (then === 'breaks') setImmediate(() => response.socket?.resetAndDestroy())
    })
  }

async function take(events: AsyncIterable<{ eventId: string }>, count: number): Promise<string[]> {
  const ids: string[] = []
  for await (const { eventId } of events) if (ids.push(eventId) === count) break
  return ids
}

test('events go on behind the last one seen, after an end and after a break', async () => {
  const { client, server, clock } = await play([
    streamOf(`retry: 1000\nid: 7-0\n\n${eventText('8-1')}`, 'ends'),
    streamOf(`${eventText('8-2')}${eventText('8-3')}`, 'breaks'),
    streamOf(eventText('9-1'), 'stays'),
  ])
  expect(await take(client.events.stream({ appId: 'x' }), 4)).toEqual(['8-1', '8-2', '8-3', '9-1'])
  expect(server.received.map(({ url, headers }) => [url, headers['last-event-id']])).toEqual([
    ['/events/v1/stream?appId=x', undefined],
    ['/events/v1/stream?appId=x', '8-1'],
    ['/events/v1/stream?appId=x', '8-3'],
  ])
  expect(clock.pausesMs).toEqual([750, 750])
})

test('a stream that is cut off before its first event resumes where it began', async () => {
  const { client, server } = await play([
    streamOf('retry: 1000\nid: 7-0\n\n', 'breaks'),
    streamOf(eventText('8-1'), 'stays'),
  ])
  expect(await take(client.events.stream(), 1)).toEqual(['8-1'])
  expect(server.received[1]?.headers['last-event-id']).toBe('7-0')
})

test('a stream that is silent for 45 s is opened again', async () => {
  let open = () => {}
  const isOpen = new Promise<void>((resolve) => {
    open = resolve
  })
  const { client, clock, server } = await play(
    [streamOf(': hello\n\n', 'stays'), streamOf(eventText('8-1'), 'stays')],
    {
      fetch: async (...request) => {
        const response = await fetch(...request)
        setImmediate(open)
        return response
      },
    },
  )
  const first = take(client.events.stream({}, { lastEventId: '7-5' }), 1)
  await isOpen
  clock.advance(45_000)
  expect(await first).toEqual(['8-1'])
  expect(server.received.map(({ headers }) => headers['last-event-id'])).toEqual(['7-5', '7-5'])
})

test('streams that end at once are opened ever more rarely', async () => {
  const { client, clock } = await play([
    streamOf('retry: 1000\n\n', 'ends'),
    streamOf(': 1\n\n', 'ends'),
    streamOf(': 2\n\n', 'ends'),
    streamOf(eventText('8-1'), 'stays'),
  ])
  await take(client.events.stream(), 1)
  expect(clock.pausesMs).toEqual([750, 1500, 3000])
})

test('a stream that is refused for good, or that is none, ends with that error', async () => {
  const { client } = await play([problem(403, 'permission-missing', { requiredPermission: 'audit:view' })])
  expect(await failure(take(client.events.stream(), 1))).toMatchObject({
    kind: 'forbidden',
    requiredPermission: 'audit:view',
  })
  const other = await play([streamOf('data: <html>\n\n', 'stays')])
  expect(await failure(take(other.client.events.stream(), 1))).toMatchObject({ kind: 'bad-answer' })
})

test('a stream whose event does not end is given up, and not held in memory', async () => {
  const endless = `data: ${'x'.repeat(1024 * 1024)}`
  const { client, server } = await play([streamOf(endless + 'x'.repeat(8 * 1024 * 1024), 'stays')])
  const error = await failure(take(client.events.stream(), 1))
  expect(error).toMatchObject({ name: 'OcelliError', kind: 'bad-answer', code: 'answer-too-large' })
  expect(server.received).toHaveLength(1)
})

test('the signal ends a stream that is quiet', async () => {
  const stop = new AbortController()
  const { client, server } = await play([streamOf(': hello\n\n', 'stays')])
  const read = failure(take(client.events.stream({}, { signal: stop.signal }), 1))
  await server.until(1)
  stop.abort()
  expect(await read).toMatchObject({ kind: 'cancelled' })
})
