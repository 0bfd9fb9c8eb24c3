import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { generateSigner, writeApk } from '@ocelli/app-package/testing'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { createStoreFixture } from '../../../test/store-fixture.ts'
import { sweepBlobs } from './package-upload.ts'

const store = await createStoreFixture()
afterAll(() => store.close())
await store.app.listen({ host: '127.0.0.1', port: 0 })
const { port } = store.app.server.address() as AddressInfo
/** The whole 500 MB are asked for by `OCELLI_TEST_PACKAGE_MB=500`. */
const megabytes = Number(process.env.OCELLI_TEST_PACKAGE_MB ?? 100)

function startUpload(headers: Record<string, string>, size: number) {
  const upload = request({
    port,
    method: 'POST',
    path: '/store/v1/packages',
    headers: { ...headers, 'content-type': 'application/vnd.android.package-archive', 'content-length': size },
  })
  const answer = new Promise<{ status: number | undefined; body: unknown }>((resolve, reject) => {
    upload.on('error', reject)
    upload.on('response', async (response) => resolve({ status: response.statusCode, body: await json(response) }))
  })
  return { upload, answer }
}

test('a large package is streamed: memory stays far below its size', { timeout: 120_000 }, async () => {
  const { headers } = await store.account()
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-large-'))
  const path = join(folder, 'large.apk')
  await writeApk(path, {
    ...(await generateSigner()),
    appId: 'large.app',
    versionCode: 1,
    versionName: '1',
    padBytes: megabytes * 1e6,
  })
  const file = await open(path)
  const { size } = await file.stat()
  const before = process.memoryUsage.rss()
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 20)
  try {
    const { upload, answer } = startUpload(headers, size)
    await pipeline(file.createReadStream(), upload)
    expect(await answer).toMatchObject({ status: 201, body: { packages: [{ size }] } })
  } finally {
    clearInterval(watch)
    await rm(folder, { recursive: true })
  }
  const grownMb = Math.round((peak - before) / 1e6)
  if (process.env.OCELLI_TEST_PACKAGE_MB)
    process.stdout.write(`${megabytes} MB uploaded, memory grew by ${grownMb} MB\n`)
  // client and server are both in this process, and a reader's thread comes and goes
  expect(grownMb).toBeLessThan(Math.min(200, megabytes * 0.9))
})

test('an upload that breaks off leaves nothing', async () => {
  const { headers } = await store.account()
  const before = await store.files()
  const { upload, answer } = startUpload(headers, 10_000_000)
  answer.catch(() => {})
  upload.write(Buffer.alloc(2_000_000))
  await expect.poll(() => store.files(), { timeout: 10_000 }).toBe(before + 1)
  upload.destroy()
  await expect.poll(() => store.files(), { timeout: 10_000 }).toBe(before)
})

test('an upload that says it is too large is refused before it is sent', async () => {
  const { headers } = await store.account()
  const { upload, answer } = startUpload(headers, 2 ** 33)
  upload.flushHeaders()
  expect(await answer).toMatchObject({ status: 413, body: { code: 'payload-too-large' } })
  upload.destroy()
})

test.each([
  ['that says to be empty', { 'content-length': '0' }],
  ['of no length', {}],
  ['in chunks, of which there are none', { 'transfer-encoding': 'chunked' }],
])('an upload %s is no package, and the platform lives on', async (_what, length) => {
  const { headers } = await store.account()
  const type = { 'content-type': 'application/octet-stream' }
  const options = { port, method: 'POST', path: '/store/v1/packages', headers: { ...headers, ...type, ...length } }
  const upload = request(options)
  // Node writes a length of its own unless it is told not to
  if (Object.keys(length).length === 0) upload.useChunkedEncodingByDefault = false
  const answered = once(upload, 'response')
  upload.end()
  const [response] = (await answered) as [IncomingMessage]
  expect([response.statusCode, await json(response)]).toMatchObject([422, { code: 'package-invalid' }])
})

test('a route that takes no files refuses one, also where it takes no body at all', async () => {
  const { headers } = await store.account()
  for (const url of ['/store/v1/orders', `/store/v1/orders/${randomUUID()}/confirm`]) {
    const upload = { ...headers, 'content-type': 'application/octet-stream', 'idempotency-key': randomUUID() }
    const answer = await store.app.inject({ method: 'POST', url, headers: upload, payload: Buffer.from('file') })
    expect(answer.json()).toMatchObject({ status: 415, code: 'unsupported-media-type' })
  }
})

test('bytes that no version names are swept after a day', async () => {
  const put = async (text: string) => {
    const { sha256, size } = await store.blobs.put(Readable.from([Buffer.from(text)]), { maxBytes: 100 })
    await sql`INSERT INTO blob (sha256, size, created_at) VALUES (${sha256}, ${size},
      now() - ${text === 'old' ? '25 hours' : '1 hour'}::interval)`.execute(store.db)
    return sha256
  }
  const [old, fresh] = [await put('old'), await put('fresh')]
  expect(await sweepBlobs(store)).toEqual({ removed: 1 })
  expect([await store.blobs.size(old), await store.blobs.size(fresh)]).toEqual([null, 5])
})
