import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type BlobStoreOptions, openBlobStore } from './blob-store.ts'
import { asDiskProblem } from './staging-area.ts'

const bytes = randomBytes(300_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')
const maxBytes = 1_000_000

test('keeps bytes under their hash, gives them back whole and in ranges, and forgets them', async () => {
  const { store } = await openStore()
  expect(await store.put(Readable.from([bytes]), { maxBytes })).toEqual({ sha256, size: bytes.length })
  expect(await store.size(sha256)).toBe(bytes.length)
  expect(await buffer(await store.open(sha256))).toEqual(bytes)
  expect(await buffer(await store.open(sha256, { start: 10, end: 19 }))).toEqual(bytes.subarray(10, 20))
  expect(await store.temporaryUrl(sha256, { seconds: 60 })).toBe(null)
  await store.remove(sha256)
  expect(await store.size(sha256)).toBe(null)
  await expect(store.open(sha256)).rejects.toMatchObject({ code: 'unavailable' })
})

test('received bytes are not in the store before they are kept, and keeping again puts them back', async () => {
  const { store, incoming } = await openStore()
  const staged = await store.receive(Readable.from([bytes]), { maxBytes })
  expect(await store.size(sha256)).toBe(null)
  await staged.keep()
  await store.remove(sha256)
  await staged.keep()
  await staged.keep()
  await staged.discard()
  expect(await buffer(await store.open(sha256))).toEqual(bytes)
  expect(await incoming()).toEqual([])
})

test('too much, an upload that breaks off, and a cancelled one leave nothing', async () => {
  const { store, incoming } = await openStore()
  await expect(store.put(Readable.from([bytes]), { maxBytes: 299_999 })).rejects.toMatchObject({
    code: 'payload-too-large',
  })
  const broken = Readable.from(
    (async function* () {
      yield bytes
      throw new Error('aborted')
    })(),
  )
  await expect(store.put(broken, { maxBytes })).rejects.toThrow('aborted')
  const endless = new Readable({ read() {} })
  endless.push(bytes)
  const controller = new AbortController()
  const cancelled = store.put(endless, { maxBytes, signal: controller.signal })
  controller.abort()
  await expect(cancelled).rejects.toThrow()
  expect(await incoming()).toEqual([])
})

test('what an earlier process left half-done is swept at start, what is arriving now is not', async () => {
  const { folder, incoming } = await openStore()
  for (const name of ['old', 'new']) await writeFile(join(folder, 'incoming', name), 'x')
  const yesterday = new Date(Date.now() - 86_400_000)
  await utimes(join(folder, 'incoming', 'old'), yesterday, yesterday)
  await openBlobStore({ blobUrl: null, folder, nowMs: Date.now })
  expect(await incoming()).toEqual(['new'])
})

test('what a crash has just left is swept by a later upload, when it has become old', async () => {
  const clock = { nowMs: Date.now() }
  const { store, folder, incoming } = await openStore({ nowMs: () => clock.nowMs })
  await writeFile(join(folder, 'incoming', 'crashed'), 'x')
  await store.put(Readable.from([bytes]), { maxBytes })
  expect(await incoming()).toEqual(['crashed'])
  clock.nowMs += 61 * 60_000
  await store.put(Readable.from([bytes]), { maxBytes })
  expect(await incoming()).toEqual([])
})

test('an upload that would leave less room on the disk than is set apart is not begun', async () => {
  const { store, incoming } = await openStore({ spareBytes: Number.MAX_SAFE_INTEGER })
  await expect(store.put(Readable.from([bytes]), { maxBytes })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('no disk space'),
  })
  expect(await incoming()).toEqual([])
})

test('a file of the store that lost bytes is made whole by the next upload of them', async () => {
  const { store, folder, incoming } = await openStore()
  await store.put(Readable.from([bytes]), { maxBytes })
  const path = join(folder, sha256.slice(0, 2), sha256.slice(2))
  await truncate(path, 1000)
  await store.put(Readable.from([bytes]), { maxBytes })
  expect(await buffer(await store.open(sha256))).toEqual(bytes)
  expect(await incoming()).toEqual([])
})

test('a hash that is no hash never becomes a path', async () => {
  const { store } = await openStore()
  await expect(store.open('../../etc/passwd')).rejects.toThrow('not a SHA-256')
})

test('a full disk is unavailable, not a mistake of the caller', () => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  expect(asDiskProblem(full)).toMatchObject({ code: 'unavailable', cause: full })
  const other = new Error('other')
  expect(asDiskProblem(other)).toBe(other)
})

async function openStore(options: Partial<BlobStoreOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-blobs-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const store = await openBlobStore({ blobUrl: null, folder, nowMs: Date.now, ...options })
  return { store, folder, incoming: () => readdir(join(folder, 'incoming')) }
}
