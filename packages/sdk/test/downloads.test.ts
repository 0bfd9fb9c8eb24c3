import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSha256, type Download } from '../src/index.ts'
import { failure, play } from './play.ts'
import { json, problem, type Scene } from './scripted-server.ts'

const file = randomBytes(300_000)
const sha256 = createHash('sha256').update(file).digest('hex')

/** Serves the file from where the range begins; `breaksAfter` that many bytes of this answer. */
const serveFile =
  ({
    content = file,
    breaksAfter = null,
    tag = sha256,
  }: {
    content?: Buffer
    breaksAfter?: number | null
    tag?: string
  } = {}): Scene =>
  (response, { headers }) => {
    const isSame = headers['if-range'] === undefined || headers['if-range'] === `"${tag}"`
    const begin = isSame ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0
    const digest = createHash('sha256').update(content).digest('base64')
    response.writeHead(begin > 0 ? 206 : 200, {
      'content-type': 'application/vnd.android.package-archive',
      'content-length': content.length - begin,
      etag: `"${tag}"`,
      'repr-digest': `sha-256=:${digest}:`,
      'content-disposition': 'attachment; filename="counter-1.0.apk"',
      ...(begin > 0 ? { 'content-range': `bytes ${begin}-${content.length - 1}/${content.length}` } : {}),
    })
    if (breaksAfter === null) return void response.end(content.subarray(begin))
    response.write(content.subarray(begin, begin + breaksAfter), () =>
      setImmediate(() => response.socket?.resetAndDestroy()),
    )
  }

async function bytesOf({ stream }: Download): Promise<Buffer> {
  return Buffer.from(await new Response(stream).arrayBuffer())
}

test('a download gives its facts at once and its bytes as they come', async () => {
  const { client, server } = await play([serveFile()])
  const download = await client.apps.download('com.example.counter', { version: '1.0', deviceId: 'CAM-1' })
  expect(download).toMatchObject({ fileName: 'counter-1.0.apk', size: file.length, sha256, offset: 0 })
  expect((await bytesOf(download)).equals(file)).toBe(true)
  expect(server.received[0]?.url).toBe('/software/v1/apps/com.example.counter/download?version=1.0&deviceId=CAM-1')
})

test('breaks are mended by asking for the rest, and the whole is checked', async () => {
  const { client, server } = await play([
    serveFile({ breaksAfter: 70_000 }),
    problem(503, 'unavailable', { headers: { 'retry-after': '3' } }),
    serveFile({ breaksAfter: 70_000 }),
    serveFile(),
  ])
  expect((await bytesOf(await client.apps.download('x'))).equals(file)).toBe(true)
  const ranges = server.received.map(({ headers }) => headers.range)
  expect(ranges[0]).toBeUndefined()
  expect(ranges.slice(1).every((range) => /^bytes=\d+-$/.test(range ?? ''))).toBe(true)
  expect(server.received[1]?.headers['if-range']).toBe(`"${sha256}"`)
})

test('a download that was begun before goes on behind what is here', async () => {
  const { client, server } = await play([serveFile()])
  const hash = createSha256()
  hash.update(file.subarray(0, 123_457))
  const download = await client.apps.download('x', { resume: { offset: 123_457, hash } })
  expect(download.offset).toBe(123_457)
  expect((await bytesOf(download)).equals(file.subarray(123_457))).toBe(true)
  expect(server.received[0]?.headers.range).toBe('bytes=123457-')
})

test('bytes that do not have the announced SHA-256 end in an error', async () => {
  const wrong = Buffer.from(file)
  wrong[5] = (wrong[5] ?? 0) ^ 1
  const { client } = await play([
    (response) => {
      const digest = createHash('sha256').update(file).digest('base64')
      response.writeHead(200, { 'content-length': wrong.length, 'repr-digest': `sha-256=:${digest}:` })
      response.end(wrong)
    },
  ])
  expect(await failure(bytesOf(await client.apps.download('x')))).toMatchObject({ code: 'digest-mismatch' })
})

test('a file that was replaced between two parts is not mixed with the old one', async () => {
  const { client } = await play([
    serveFile({ breaksAfter: 70_000 }),
    serveFile({ content: randomBytes(400_000), tag: 'other' }),
  ])
  expect(await failure(bytesOf(await client.apps.download('x')))).toMatchObject({ code: 'file-changed' })
})

test('a part of another file of the same size is not taken for the rest of this one', async () => {
  const other = randomBytes(file.length)
  const { client } = await play([serveFile({ breaksAfter: 70_000 }), serveFile({ content: other })])
  expect(await failure(bytesOf(await client.apps.download('x')))).toMatchObject({ code: 'file-changed' })
})

test('a server that breaks off each time is given up', async () => {
  const { client, server } = await play([serveFile({ breaksAfter: 0 })], { retry: { maxAttempts: 3 } })
  expect(await failure(bytesOf(await client.apps.download('x')))).toMatchObject({ code: 'connection-lost' })
  expect(server.received).toHaveLength(3)
})

test('a refusal of a download is an error like any other', async () => {
  const { client } = await play([problem(409, 'package-ambiguous')])
  expect(await failure(client.apps.download('x'))).toMatchObject({ kind: 'conflict', code: 'package-ambiguous' })
})

test('leaving a download ends its connection', async () => {
  const { client, server } = await play([
    (response) => {
      response.writeHead(200, { 'content-length': 1_000_000 })
      response.write(file)
      closed = new Promise((resolve) => response.once('close', () => resolve()))
    },
  ])
  let closed = Promise.resolve()
  const download = await client.apps.download('x')
  await server.until(1)
  await download.stream.cancel()
  await closed
})

test('an upload is sent whole, again after a reset, and a stream only once', async () => {
  const lost: Scene = (response) => void response.socket?.resetAndDestroy()
  const version = { appId: 'x', version: '1' }
  const { client, server } = await play([lost, json(version, { status: 201 })])
  expect(await client.apps.publish(new Blob([file]), { visibility: 'LISTED' })).toEqual(version)
  expect(server.received[1]?.headers).toMatchObject({
    'content-length': String(file.length),
    'content-type': 'application/octet-stream',
  })
  expect(server.received[1]?.url).toBe('/store/v1/packages?visibility=LISTED')
  expect(server.received[1]?.headers['idempotency-key']).toBe(server.received[0]?.headers['idempotency-key'])

  const once = await play([lost, json(version)])
  expect(await failure(once.client.apps.publish(new Blob(['abc']).stream()))).toMatchObject({
    kind: 'unreachable',
    attempts: 1,
  })
  const again = await play([lost, json(version)])
  expect(await again.client.apps.publish(() => new Blob(['abc']).stream())).toEqual(version)
  expect(again.server.received[1]?.body).toBe('abc')
})

test('the portable SHA-256 agrees with the one of the system, however the input is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const ours = createSha256()
      const theirs = createHash('sha256')
      for (const piece of pieces) {
        ours.update(piece)
        theirs.update(piece)
      }
      expect(ours.hex()).toBe(theirs.digest('hex'))
    }),
  )
})
