import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { openBlobStore } from './blob-store.ts'
import { openS3BlobStore } from './s3-blob-store.ts'

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test-key')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test-secret')
  return () => vi.unstubAllEnvs()
})
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test.each([
  ['in one piece', 100_000, 0],
  ['in parts', 20_000_000, 3],
])('a blob goes to the bucket %s and comes back', { timeout: 30_000 }, async (_how, size, parts) => {
  const { store, server, folder } = await openStore()
  const bytes = randomBytes(size)
  const sha256 = hashOf(bytes)
  expect(await store.put(Readable.from([bytes]), { maxBytes: 1e9 })).toEqual({ sha256, size })
  expect([...server.objects.keys()]).toEqual([`/bucket/some/prefix/${sha256.slice(0, 2)}/${sha256.slice(2)}`])
  expect(server.parts).toBe(parts)
  expect(await readdir(join(folder, 'incoming'))).toEqual([])
  expect(await store.size(sha256)).toBe(size)
  expect((await buffer(await store.open(sha256))).equals(bytes)).toBe(true)
  expect(await buffer(await store.open(sha256, { start: 5, end: 9 }))).toEqual(bytes.subarray(5, 10))
  await store.remove(sha256)
  expect(await store.size(sha256)).toBe(null)
  await expect(store.open(sha256)).rejects.toMatchObject({ code: 'unavailable' })
})

test('downloads go to the bucket directly by an address that ends', async () => {
  const { store } = await openStore()
  const bytes = randomBytes(100)
  const { sha256 } = await store.put(Readable.from([bytes]), { maxBytes: 1000 })
  const url = new URL(String(await store.temporaryUrl(sha256, { seconds: 900 })))
  expect(url.searchParams.get('X-Amz-Expires')).toBe('900')
  expect(url.searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/)
  const answer = await fetch(url, { headers: { range: 'bytes=0-9' } })
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes.subarray(0, 10))
})

test('a store that refuses is unavailable', async () => {
  const { store, server } = await openStore()
  server.refuses = true
  const put = store.put(Readable.from([Buffer.from('x')]), { maxBytes: 10 })
  await expect(put).rejects.toMatchObject({ code: 'unavailable' })
})

test('a store that takes a request and never answers is unavailable in the end', { timeout: 20_000 }, async () => {
  const { server, folder } = await openStore()
  server.isSilent = true
  const url = new URL(`s3://bucket?endpoint=${encodeURIComponent(server.url)}`)
  const store = await openS3BlobStore({ url, folder, nowMs: Date.now, spareBytes: 0, requestTimeoutMs: 100 })
  const put = store.put(Readable.from([Buffer.from('x')]), { maxBytes: 10 })
  await expect(put).rejects.toMatchObject({ code: 'unavailable' })
  expect(await readdir(join(folder, 'incoming'))).toEqual([])
})

test('of an upload in parts that fails nothing stays in the bucket', async () => {
  const { store, server } = await openStore()
  server.refusesPart = 2
  await expect(store.put(Readable.from([randomBytes(20_000_000)]), { maxBytes: 1e9 })).rejects.toMatchObject({
    code: 'unavailable',
  })
  expect(server.aborted).toBe(1)
  expect(server.objects.size).toBe(0)
})

async function openStore() {
  const server = await startBucket()
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-s3-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const blobUrl = `s3://bucket/some/prefix?endpoint=${encodeURIComponent(server.url)}&region=eu-central-1`
  return { store: await openBlobStore({ blobUrl, folder, nowMs: Date.now }), server, folder }
}

/** As much of the S3 protocol as an upload, a download and a removal need. */
async function startBucket() {
  const bucket = {
    ...{ objects: new Map<string, Buffer>(), parts: 0, url: '' },
    ...{ refuses: false, refusesPart: 0, isSilent: false, aborted: 0 },
  }
  const pending = new Map<number, Buffer>()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://bucket')
    const body = await buffer(request)
    if (bucket.isSilent) return
    const isRefused = bucket.refusesPart > 0 && searchParams.get('partNumber') === String(bucket.refusesPart)
    if (bucket.refuses || isRefused) return response.writeHead(403).end()
    if (request.method === 'PUT') {
      const part = searchParams.get('partNumber')
      if (part === null) bucket.objects.set(pathname, body)
      else pending.set(Number(part), body)
      if (part !== null) bucket.parts += 1
      return response.writeHead(200, { etag: '"part"' }).end()
    }
    if (request.method === 'POST' && searchParams.has('uploads')) {
      return response.end('<InitiateMultipartUploadResult><UploadId>one</UploadId></InitiateMultipartUploadResult>')
    }
    if (request.method === 'POST') {
      const joined = [...pending].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)
      bucket.objects.set(pathname, Buffer.concat(joined))
      return response.end('<CompleteMultipartUploadResult><ETag>"all"</ETag></CompleteMultipartUploadResult>')
    }
    const found = bucket.objects.get(pathname)
    if (request.method === 'DELETE' && searchParams.has('uploadId')) bucket.aborted += 1
    else if (request.method === 'DELETE') bucket.objects.delete(pathname)
    if (request.method === 'DELETE') return response.writeHead(204).end()
    if (!found) return response.writeHead(404).end()
    const [, start, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
    const part = start ? found.subarray(Number(start), Number(end) + 1) : found
    response.writeHead(start ? 206 : 200, { 'content-length': part.length })
    return response.end(request.method === 'HEAD' ? undefined : part)
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  bucket.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return bucket
}
