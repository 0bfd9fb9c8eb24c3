import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { expect, test, vi } from 'vitest'
import { asked, createPackageSite, sizeBytes } from './package-site.ts'
import { reply } from './test-platform.ts'

vi.setConfig({ testTimeout: 60_000 })

test('a file damaged on the disk is found at the next start and downloaded again', async () => {
  const { downloads, openCache, offer } = await createPackageSite()
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  const { localPackage } = await openCache().acquire(ref, asked())
  await writeFile(localPackage.path, randomBytes(sizeBytes))
  const again = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(again.localPackage.path))).toBe(true)
  expect(downloads()).toHaveLength(2)
})

test('a file that is changed on the disk while the gateway runs goes to no camera', async () => {
  const { downloads, openCache, offer } = await createPackageSite()
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  const cache = openCache()
  const first = await cache.acquire(ref, asked())
  first.release()
  ;(await cache.acquire(ref, asked())).release()
  expect(downloads()).toHaveLength(1)
  await writeFile(first.localPackage.path, randomBytes(sizeBytes))
  const again = await cache.acquire(ref, asked())
  expect(content.equals(await readFile(again.localPackage.path))).toBe(true)
  expect(downloads()).toHaveLength(2)
})

test('a wrong checksum is answered by one more download, then it is an error', async () => {
  const { folder, ranges, openCache, offer } = await createPackageSite()
  const announced = randomBytes(sizeBytes)
  const ref = offer(randomBytes(sizeBytes), announced)
  await expect(openCache().acquire(ref, asked())).rejects.toMatchObject({
    code: 'package-corrupt',
    category: 'network',
  })
  expect(ranges()).toEqual([undefined, undefined])
  expect(await readdir(folder)).toEqual([])
})

test('a checksum that is wrong once does no harm', async () => {
  const site = await createPackageSite()
  const { serveRange, openCache, offer } = site
  const content = randomBytes(sizeBytes)
  const ref = offer(content)
  let tries = 0
  site.serve = (exchange, response, all) => serveRange(exchange, response, tries++ === 0 ? randomBytes(sizeBytes) : all)
  const { localPackage } = await openCache().acquire(ref, asked())
  expect(content.equals(await readFile(localPackage.path))).toBe(true)
})

test('takes no more bytes than were announced', async () => {
  const { openCache, offer } = await createPackageSite()
  const announced = randomBytes(sizeBytes)
  const ref = offer(randomBytes(sizeBytes * 20), announced)
  await expect(openCache().acquire(ref, asked())).rejects.toMatchObject({
    code: 'package-corrupt',
  })
})

test('gives up after five tries that brought nothing', async () => {
  const site = await createPackageSite()
  const { downloads, openCache, offer } = site
  const ref = offer(randomBytes(sizeBytes))
  site.serve = (_exchange, response) => reply(response, 403, {})
  await expect(openCache().acquire(ref, asked())).rejects.toMatchObject({
    code: 'platform-unreachable',
    category: 'network',
    retryable: true,
  })
  expect(downloads()).toHaveLength(5)
})

test('does not insist on a package that the platform does not give', async () => {
  const { platform, openCache, offer } = await createPackageSite()
  const ref = offer(randomBytes(sizeBytes))
  platform.routes.set(`GET /device/v1/gateways/self/packages/${ref.packageId}`, (_exchange, response) =>
    reply(response, 404, { detail: 'There is no such package.' }),
  )
  await expect(openCache().acquire(ref, asked())).rejects.toMatchObject({
    code: 'package-unavailable',
    retryable: false,
    message: expect.stringContaining('There is no such package.'),
  })
  expect(platform.exchanges.filter(({ path }) => path.endsWith(ref.packageId))).toHaveLength(1)
})

test('refuses a source that announces another package', async () => {
  const { downloads, openCache, offer } = await createPackageSite()
  const ref = offer(randomBytes(sizeBytes))
  await expect(openCache().acquire({ ...ref, sha256: 'f'.repeat(64) }, asked())).rejects.toMatchObject({
    code: 'package-unavailable',
  })
  expect(downloads()).toEqual([])
})
