import { randomBytes } from 'node:crypto'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { PackageRef } from '../../src/packages/package-cache.ts'
import { asked, createPackageSite, sizeBytes, soon } from './package-site.ts'

vi.setConfig({ testTimeout: 60_000 })

test('makes room by removing what was used longest ago, never what is in use', async () => {
  const { folder, openCache, offer } = await createPackageSite()
  const refs = [1, 2, 3, 4].map(() => offer(randomBytes(sizeBytes)))
  const [a, b, c, d] = refs as [PackageRef, PackageRef, PackageRef, PackageRef]
  const cache = openCache(3 * sizeBytes + 1)
  const held = await cache.acquire(a, asked())
  for (const ref of [b, c]) (await cache.acquire(ref, asked())).release()
  const age = (ref: PackageRef, seconds: number) => utimes(join(folder, `${ref.sha256}.apk`), seconds, seconds)
  await age(a, 1_000)
  await age(b, 3_000)
  await age(c, 2_000)
  ;(await cache.acquire(d, asked())).release()
  const kept = new Set((await readdir(folder)).map((name) => name.slice(0, 64)))
  expect(kept).toEqual(new Set([a.sha256, b.sha256, d.sha256]))
  held.release()
  held.release()
  await cache.acquire(c, asked())
  expect((await readdir(folder)).map((name) => name.slice(0, 64))).not.toContain(a.sha256)
})

test('counts what is still being downloaded', async () => {
  const site = await createPackageSite()
  const { folder, serveRange, downloads, openCache, offer } = site
  const [a, b] = [offer(randomBytes(sizeBytes)), offer(randomBytes(sizeBytes))]
  let release: () => void = () => undefined
  site.serve = (_exchange, response, content) => {
    response.writeHead(200).write(content.subarray(0, 10))
    release = () => response.end(content.subarray(10))
  }
  const cache = openCache(1.5 * sizeBytes)
  const first = cache.acquire(a, asked())
  await expect.poll(() => downloads().length, soon).toBe(1)
  await expect(cache.acquire(b, asked())).rejects.toMatchObject({
    code: 'disk-full',
    retryable: true,
  })
  release()
  ;(await first).release()
  site.serve = serveRange
  await cache.acquire(b, asked())
  expect(await readdir(folder)).toEqual([`${b.sha256}.apk`])
})

test('says so when a package is larger than the whole cache', async () => {
  const { downloads, openCache, offer } = await createPackageSite()
  const ref = offer(randomBytes(sizeBytes))
  await expect(openCache(sizeBytes - 1).acquire(ref, asked())).rejects.toMatchObject({
    code: 'package-too-large',
    retryable: false,
  })
  expect(downloads()).toEqual([])
})

test('says so before the download when the disk has no room', async () => {
  const { folder, downloads, offer, openCache } = await createPackageSite()
  const ref = { ...offer(randomBytes(10)), size: 2 ** 52 }
  await expect(openCache(2 ** 53).acquire(ref, asked())).rejects.toMatchObject({
    code: 'disk-full',
    message: expect.stringContaining(folder),
  })
  expect(downloads()).toEqual([])
})
