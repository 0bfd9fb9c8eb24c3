import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { expect, test, vi } from 'vitest'
import { createSystemClock } from '../../src/state/clock.ts'
import { appId, asked, createPackageSite, siteId, sizeBytes, soon } from './package-site.ts'

vi.setConfig({ testTimeout: 60_000 })

test('downloads once however many cameras ask at the same time, and never again', async () => {
  const { downloads, openCache, offer } = await createPackageSite()
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  const cache = openCache()
  const leases = await Promise.all(Array.from({ length: 20 }, () => cache.acquire(ref, asked())))
  for (const { localPackage } of leases) {
    expect(localPackage).toMatchObject({ appId, size: sizeBytes, format: 'apk', version: '1.0', versionCode: 1 })
    expect(content.equals(await readFile(localPackage.path))).toBe(true)
  }
  await openCache().acquire(ref, asked())
  expect(downloads()).toHaveLength(1)
})

test('tells how far it is, to one who joins later too', async () => {
  const site = await createPackageSite()
  const { openCache, offer } = site
  const ref = offer(randomBytes(sizeBytes))
  let release: () => void = () => undefined
  site.serve = (_exchange, response, content) => {
    response.writeHead(200).write(content.subarray(0, sizeBytes / 2))
    release = () => response.end(content.subarray(sizeBytes / 2))
  }
  const cache = openCache()
  const seen: number[][] = [[], []]
  const ask = (who: number) =>
    cache.acquire(ref, {
      ...asked(),
      onProgress: ({ percent }) => void seen[who]?.push(percent),
    })
  const first = ask(0)
  await expect.poll(() => seen[0]?.at(-1), soon).toBe(50)
  const second = ask(1)
  await expect.poll(() => seen[1]?.at(-1), soon).toBe(50)
  release()
  await Promise.all([first, second])
  for (const list of seen) {
    expect(list.at(-1)).toBe(100)
    expect(list).toEqual([...list].sort((a, b) => a - b))
  }
})

test('one who leaves does not end the download of the others', async () => {
  const site = await createPackageSite()
  const { downloads, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  let finish: () => void = () => undefined
  site.serve = (_exchange, response, all) => {
    response.writeHead(200).write(all.subarray(0, 1000))
    finish = () => response.end(all.subarray(1000))
  }
  const cache = openCache()
  const leaving = new AbortController()
  const one = cache.acquire(ref, asked(leaving.signal))
  const two = cache.acquire(ref, asked())
  await expect.poll(() => downloads().length, soon).toBe(1)
  leaving.abort(new Error('left'))
  await expect(one).rejects.toThrow('left')
  finish()
  expect(await readFile((await two).localPackage.path)).toEqual(content)
  expect(downloads()).toHaveLength(1)
})

test('the last one who leaves ends the download, and the next one begins another', async () => {
  const site = await createPackageSite()
  const { serveRange, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  const open: ServerResponse[] = []
  site.serve = (_exchange, response, all) => {
    open.push(response)
    response.writeHead(200).write(all.subarray(0, 1000))
  }
  const cache = openCache()
  const leaving = new AbortController()
  const one = cache.acquire(ref, asked(leaving.signal))
  await expect.poll(() => open.length, soon).toBe(1)
  leaving.abort(new Error('left'))
  await expect(one).rejects.toThrow('left')
  await expect.poll(() => open[0]?.destroyed, soon).toBe(true)
  site.serve = serveRange
  const { localPackage } = await cache.acquire(ref, asked())
  expect(content.equals(await readFile(localPackage.path))).toBe(true)
})

test('twenty cameras that ask at once after a restart are served by one request for the rest of the file', async () => {
  const site = await createPackageSite()
  const { offer, openCache, ranges, serveRange, untilPartHas } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  site.serve = (_exchange, response, all) => void response.writeHead(200).write(all.subarray(0, 120_000))
  const killed = openCache()
  killed.acquire(ref, asked()).catch(() => undefined)
  await untilPartHas(120_000)
  await killed.close()
  site.serve = serveRange
  const cache = openCache()
  const leases = await Promise.all(Array.from({ length: 20 }, () => cache.acquire(ref, asked())))
  for (const { localPackage } of leases) expect(content.equals(await readFile(localPackage.path))).toBe(true)
  expect(ranges()).toEqual([undefined, 'bytes=120000-'])
})

test('all downloads of a site together are no faster than it allows; those of another are not held back', async () => {
  const { offer, openCache } = await createPackageSite()
  const clock = createSystemClock()
  const cache = openCache(10_000_000, clock)
  cache.limitDownloads(new Map([[siteId, 500_000]]))
  expect([cache.limitNeedsMs(siteId, sizeBytes), cache.limitNeedsMs('another', sizeBytes)]).toEqual([600, 0])
  const beganMs = clock.monotonic()
  const slow = [randomBytes(sizeBytes), randomBytes(sizeBytes)].map((content) => cache.acquire(offer(content), asked()))
  await cache.acquire(offer(randomBytes(sizeBytes)), { ...asked(), siteId: 'another' })
  cache.limitDownloads(new Map([[siteId, 400_000]]))
  await Promise.all(slow)
  expect(clock.monotonic() - beganMs).toBeGreaterThan(1_150)
})

test('a package that a site without a limit waits for too is not held back', async () => {
  const { offer, openCache } = await createPackageSite()
  const cache = openCache(10_000_000, createSystemClock())
  cache.limitDownloads(new Map([[siteId, 1]]))
  const ref = offer(randomBytes(sizeBytes))
  const leases = await Promise.all([cache.acquire(ref, asked()), cache.acquire(ref, { ...asked(), siteId: 'another' })])
  expect(leases).toHaveLength(2)
})
