import { randomBytes } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { asked, createPackageSite, sizeBytes, soon } from './package-site.ts'

vi.setConfig({ testTimeout: 60_000 })

test('goes on where the connection broke, each time with a fresh URL', async () => {
  const site = await createPackageSite()
  const { serveRange, downloads, ranges, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  const ends = [100_000, 200_000, 250_000]
  site.serve = (exchange, response, all) => serveRange(exchange, response, all, ends.shift())
  const { localPackage } = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(localPackage.path))).toBe(true)
  expect(ranges()).toEqual([undefined, 'bytes=100000-', 'bytes=200000-', 'bytes=250000-'])
  expect(new Set(downloads().map(({ path }) => path)).size).toBe(4)
})

test('goes on after a restart', async () => {
  const site = await createPackageSite()
  const { folder, serveRange, ranges, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  site.serve = (_exchange, response, all) => void response.writeHead(200).write(all.subarray(0, 120_000))
  const first = openCache()
  const broken = first.acquire(ref, asked())
  broken.catch(() => undefined)
  const part = join(folder, `${ref.sha256}.part`)
  await expect.poll(async () => (await stat(part).catch(() => null))?.size, soon).toBe(120_000)
  await first.close()
  await expect(broken).rejects.toMatchObject({ code: 'cancelled' })
  site.serve = serveRange
  const { localPackage } = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(localPackage.path))).toBe(true)
  expect(ranges()).toEqual([undefined, 'bytes=120000-'])
})

test('needs no download when all of it was there at a crash', async () => {
  const { folder, downloads, openCache, offer } = await createPackageSite()
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  const cache = openCache()
  const lease = await cache.acquire(ref, asked())
  await rm(lease.localPackage.path)
  await writeFile(join(folder, `${ref.sha256}.part`), content)
  const again = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(again.localPackage.path))).toBe(true)
  expect(downloads()).toHaveLength(1)
})

test('starts over with a server that knows no ranges', async () => {
  const site = await createPackageSite()
  const { serveRange, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  let tries = 0
  site.serve = (exchange, response, all) =>
    serveRange({ ...exchange, headers: {} }, response, all, tries++ === 0 ? 100_000 : all.length)
  const { localPackage } = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(localPackage.path))).toBe(true)
  expect(tries).toBe(2)
})

test('starts over when another part is sent than was asked for', async () => {
  const site = await createPackageSite()
  const { serveRange, ranges, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  let tries = 0
  site.serve = (exchange, response, all) => {
    tries += 1
    if (tries !== 2) return serveRange(exchange, response, all, tries === 1 ? 100_000 : all.length)
    response.writeHead(206, { 'content-range': 'bytes 50000-299999/300000' }).end(all.subarray(50_000))
  }
  const { localPackage } = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(localPackage.path))).toBe(true)
  expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined])
})
