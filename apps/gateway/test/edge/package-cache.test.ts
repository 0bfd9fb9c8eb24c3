import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPackageCache, type PackageCache, type PackageRef } from '../../src/packages/package-cache.ts'
import { enroll } from '../../src/platform/enroll.ts'
import { createPlatformApi, type PlatformApi } from '../../src/platform/platform-api.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { quietLog } from './quiet-log.ts'
import { createTestAuthority, type TestAuthority } from './test-authority.ts'
import { type Exchange, reply, startTestPlatform, type TestPlatform } from './test-platform.ts'

const appId = 'com.example.counter'
const siteId = 'site'
const sizeBytes = 300_000
let authority: TestAuthority
let home: string
let folder: string
let platform: TestPlatform
let api: PlatformApi
let caches: PackageCache[] = []
/** Answers a download; called with what is asked for and the bytes it should get. */
let serve: (exchange: Exchange, response: ServerResponse, content: Buffer) => void

beforeAll(async () => {
  authority = await createTestAuthority()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-packages-'))
  folder = join(home, 'packages')
  platform = await startTestPlatform({ authority, server: null })
  const { url: platformUrl, token } = platform
  const signal = AbortSignal.timeout(15_000)
  const state = await openStateFolder(home)
  const identity = await enroll({ folder: state, platformUrl, token, name: 'g', version: '1', env: {}, signal })
  api = createPlatformApi({ identity: () => identity, clock: createSystemClock(), env: {}, idleTimeoutMs: 2_000 })
  serve = serveRange
})
afterEach(async () => {
  await Promise.all(caches.map((cache) => cache.close()))
  caches = []
  await platform.close()
  await rm(home, { recursive: true, force: true })
})

/** Waits cost nothing, so that retries are quick. */
function createEagerClock(): Clock {
  const system = createSystemClock()
  return { ...system, sleep: (_ms, signal) => system.sleep(0, signal) }
}

function openCache(maxBytes = 10_000_000) {
  const cache = createPackageCache({
    ...{ folder, maxBytes, source: api, clock: createEagerClock(), random: Math.random, log: quietLog },
  })
  caches.push(cache)
  return cache
}

/** Offers a package under a new short-lived URL at each question. */
function offer(content: Buffer, announced = content): PackageRef {
  const packageId = `0194f9a0-0000-7000-8000-${randomBytes(6).toString('hex')}`
  const sha256 = createHash('sha256').update(announced).digest('hex')
  let current = ''
  platform.routes.set(`GET /device/v1/gateways/self/packages/${packageId}`, (_exchange, response) => {
    platform.routes.delete(`GET ${current}`)
    current = `/blob/${randomBytes(8).toString('hex')}`
    platform.routes.set(`GET ${current}`, (exchange, blob) => serve(exchange, blob, content))
    reply(response, 200, { url: current, size: announced.length, sha256 })
  })
  return { packageId, format: 'apk', version: '1.0', versionCode: 1, size: announced.length, sha256 }
}

function serveRange({ headers }: Exchange, response: ServerResponse, content: Buffer, end = content.length): void {
  const isWhole = end === content.length
  const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? []
  const start = Number(from ?? 0)
  const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
  response.writeHead(from === undefined ? 200 : 206, {
    'content-length': content.length - start,
    ...(from === undefined ? {} : range),
  })
  response.write(content.subarray(start, end))
  if (isWhole) response.end()
  // Bytes still on the way are lost with the connection: it breaks when all of them have arrived.
  else void untilPartHas(end).then(() => response.destroy())
}

const untilPartHas = (bytes: number) =>
  expect.poll(async () => (await stat(await partPath()).catch(() => null))?.size, { timeout: 10_000 }).toBe(bytes)

async function partPath(): Promise<string> {
  const names = await readdir(folder)
  return join(folder, names.find((name) => name.endsWith('.part')) ?? '')
}

const downloads = () => platform.exchanges.filter(({ path }) => path.startsWith('/blob/'))
const ranges = () => downloads().map(({ headers }) => headers.range)
const signal = () => AbortSignal.timeout(15_000)

test('fetches no faster than the site allows, over all downloads together', async () => {
  const cache = createPackageCache({
    ...{ folder, maxBytes: 10_000_000, source: api, clock: createSystemClock(), random: Math.random, log: quietLog },
  })
  caches.push(cache)
  cache.limitDownloads(new Map([[siteId, 500_000]]))
  expect(cache.limitNeedsMs(siteId, sizeBytes)).toBe(600)
  const beganMs = performance.now()
  const request = { appId, siteId, signal: AbortSignal.timeout(15_000) }
  const some = [randomBytes(sizeBytes), randomBytes(sizeBytes)]
  await Promise.all(some.map((content) => cache.acquire(offer(content), request)))
  expect(performance.now() - beganMs).toBeGreaterThan(1_150)
})

describe('package cache', () => {
  test('downloads once however many cameras ask at the same time, and never again', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    const cache = openCache()
    const leases = await Promise.all(
      Array.from({ length: 20 }, () => cache.acquire(ref, { appId, siteId, signal: signal() })),
    )
    for (const { localPackage } of leases) {
      expect(localPackage).toMatchObject({ appId, size: sizeBytes, format: 'apk', version: '1.0', versionCode: 1 })
      expect(await readFile(localPackage.path)).toEqual(content)
    }
    await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(downloads()).toHaveLength(1)
  })

  test('tells how far it is, to one who joins later too', async () => {
    const ref = offer(randomBytes(sizeBytes))
    let release: () => void = () => undefined
    serve = (_exchange, response, content) => {
      response.writeHead(200).write(content.subarray(0, sizeBytes / 2))
      release = () => response.end(content.subarray(sizeBytes / 2))
    }
    const cache = openCache()
    const seen: number[][] = [[], []]
    const ask = (who: number) =>
      cache.acquire(ref, {
        appId,
        siteId,
        signal: signal(),
        onProgress: ({ percent }) => void seen[who]?.push(percent),
      })
    const first = ask(0)
    await expect.poll(() => seen[0]?.at(-1)).toBe(50)
    const second = ask(1)
    await expect.poll(() => seen[1]?.at(-1)).toBe(50)
    release()
    await Promise.all([first, second])
    for (const list of seen) {
      expect(list.at(-1)).toBe(100)
      expect(list).toEqual([...list].sort((a, b) => a - b))
    }
  })

  test('goes on where the connection broke, each time with a fresh URL', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    const ends = [100_000, 200_000, 250_000]
    serve = (exchange, response, all) => serveRange(exchange, response, all, ends.shift())
    const { localPackage } = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(localPackage.path)).toEqual(content)
    expect(ranges()).toEqual([undefined, 'bytes=100000-', 'bytes=200000-', 'bytes=250000-'])
    expect(new Set(downloads().map(({ path }) => path)).size).toBe(4)
  })

  test('goes on after a restart', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    serve = (_exchange, response, all) => void response.writeHead(200).write(all.subarray(0, 120_000))
    const first = openCache()
    const broken = first.acquire(ref, { appId, siteId, signal: signal() })
    broken.catch(() => undefined)
    const part = join(folder, `${ref.sha256}.part`)
    await expect.poll(async () => (await stat(part).catch(() => null))?.size).toBe(120_000)
    await first.close()
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' })
    serve = serveRange
    const { localPackage } = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(localPackage.path)).toEqual(content)
    expect(ranges()).toEqual([undefined, 'bytes=120000-'])
  })

  test('needs no download when all of it was there at a crash', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    const cache = openCache()
    const lease = await cache.acquire(ref, { appId, siteId, signal: signal() })
    await rm(lease.localPackage.path)
    await writeFile(join(folder, `${ref.sha256}.part`), content)
    const again = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(again.localPackage.path)).toEqual(content)
    expect(downloads()).toHaveLength(1)
  })

  test('starts over with a server that knows no ranges', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    let tries = 0
    serve = (exchange, response, all) =>
      serveRange({ ...exchange, headers: {} }, response, all, tries++ === 0 ? 100_000 : all.length)
    const { localPackage } = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(localPackage.path)).toEqual(content)
    expect(tries).toBe(2)
  })

  test('starts over when another part is sent than was asked for', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    let tries = 0
    serve = (exchange, response, all) => {
      tries += 1
      if (tries !== 2) return serveRange(exchange, response, all, tries === 1 ? 100_000 : all.length)
      response.writeHead(206, { 'content-range': 'bytes 50000-299999/300000' }).end(all.subarray(50_000))
    }
    const { localPackage } = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(localPackage.path)).toEqual(content)
    expect(ranges()).toEqual([undefined, 'bytes=100000-', undefined])
  })

  test('a file damaged on the disk is found at the next start and downloaded again', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    const { localPackage } = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    await writeFile(localPackage.path, randomBytes(sizeBytes))
    const again = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(again.localPackage.path)).toEqual(content)
    expect(downloads()).toHaveLength(2)
  })

  test('a wrong checksum is answered by one more download, then it is an error', async () => {
    const announced = randomBytes(sizeBytes)
    const ref = offer(randomBytes(sizeBytes), announced)
    await expect(openCache().acquire(ref, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'package-corrupt',
      category: 'network',
    })
    expect(ranges()).toEqual([undefined, undefined])
    expect(await readdir(folder)).toEqual([])
  })

  test('a checksum that is wrong once does no harm', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    let tries = 0
    serve = (exchange, response, all) => serveRange(exchange, response, tries++ === 0 ? randomBytes(sizeBytes) : all)
    const { localPackage } = await openCache().acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(localPackage.path)).toEqual(content)
  })

  test('takes no more bytes than were announced', async () => {
    const announced = randomBytes(sizeBytes)
    const ref = offer(randomBytes(sizeBytes * 20), announced)
    await expect(openCache().acquire(ref, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'package-corrupt',
    })
  })

  test('gives up after five tries that brought nothing', async () => {
    const ref = offer(randomBytes(sizeBytes))
    serve = (_exchange, response) => reply(response, 403, {})
    await expect(openCache().acquire(ref, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'platform-unreachable',
      category: 'network',
      retryable: true,
    })
    expect(downloads()).toHaveLength(5)
  })

  test('does not insist on a package that the platform does not give', async () => {
    const ref = offer(randomBytes(sizeBytes))
    platform.routes.set(`GET /device/v1/gateways/self/packages/${ref.packageId}`, (_exchange, response) =>
      reply(response, 404, { detail: 'There is no such package.' }),
    )
    await expect(openCache().acquire(ref, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'package-unavailable',
      retryable: false,
      message: expect.stringContaining('There is no such package.'),
    })
    expect(platform.exchanges.filter(({ path }) => path.endsWith(ref.packageId))).toHaveLength(1)
  })

  test('refuses a source that announces another package', async () => {
    const ref = offer(randomBytes(sizeBytes))
    await expect(
      openCache().acquire({ ...ref, sha256: 'f'.repeat(64) }, { appId, siteId, signal: signal() }),
    ).rejects.toMatchObject({ code: 'package-unavailable' })
    expect(downloads()).toEqual([])
  })

  test('one who leaves does not end the download of the others', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    let finish: () => void = () => undefined
    serve = (_exchange, response, all) => {
      response.writeHead(200).write(all.subarray(0, 1000))
      finish = () => response.end(all.subarray(1000))
    }
    const cache = openCache()
    const leaving = new AbortController()
    const one = cache.acquire(ref, { appId, siteId, signal: leaving.signal })
    const two = cache.acquire(ref, { appId, siteId, signal: signal() })
    await expect.poll(() => downloads().length).toBe(1)
    leaving.abort(new Error('left'))
    await expect(one).rejects.toThrow('left')
    finish()
    expect(await readFile((await two).localPackage.path)).toEqual(content)
    expect(downloads()).toHaveLength(1)
  })

  test('the last one who leaves ends the download, and the next one begins another', async () => {
    const content = randomBytes(sizeBytes)
    const ref = offer(content)
    const open: ServerResponse[] = []
    serve = (_exchange, response, all) => {
      open.push(response)
      response.writeHead(200).write(all.subarray(0, 1000))
    }
    const cache = openCache()
    const leaving = new AbortController()
    const one = cache.acquire(ref, { appId, siteId, signal: leaving.signal })
    await expect.poll(() => open.length).toBe(1)
    leaving.abort(new Error('left'))
    await expect(one).rejects.toThrow('left')
    await expect.poll(() => open[0]?.destroyed).toBe(true)
    serve = serveRange
    const { localPackage } = await cache.acquire(ref, { appId, siteId, signal: signal() })
    expect(await readFile(localPackage.path)).toEqual(content)
  })

  test('makes room by removing what was used longest ago, never what is in use', async () => {
    const refs = [1, 2, 3, 4].map(() => offer(randomBytes(sizeBytes)))
    const [a, b, c, d] = refs as [PackageRef, PackageRef, PackageRef, PackageRef]
    const cache = openCache(3 * sizeBytes + 1)
    const held = await cache.acquire(a, { appId, siteId, signal: signal() })
    for (const ref of [b, c]) (await cache.acquire(ref, { appId, siteId, signal: signal() })).release()
    const age = (ref: PackageRef, seconds: number) => utimes(join(folder, `${ref.sha256}.apk`), seconds, seconds)
    await age(a, 1_000)
    await age(b, 3_000)
    await age(c, 2_000)
    ;(await cache.acquire(d, { appId, siteId, signal: signal() })).release()
    const kept = new Set((await readdir(folder)).map((name) => name.slice(0, 64)))
    expect(kept).toEqual(new Set([a.sha256, b.sha256, d.sha256]))
    held.release()
    held.release()
    await cache.acquire(c, { appId, siteId, signal: signal() })
    expect((await readdir(folder)).map((name) => name.slice(0, 64))).not.toContain(a.sha256)
  })

  test('counts what is still being downloaded', async () => {
    const [a, b] = [offer(randomBytes(sizeBytes)), offer(randomBytes(sizeBytes))]
    let release: () => void = () => undefined
    serve = (_exchange, response, content) => {
      response.writeHead(200).write(content.subarray(0, 10))
      release = () => response.end(content.subarray(10))
    }
    const cache = openCache(1.5 * sizeBytes)
    const first = cache.acquire(a, { appId, siteId, signal: signal() })
    await expect.poll(() => downloads().length).toBe(1)
    await expect(cache.acquire(b, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'disk-full',
      retryable: true,
    })
    release()
    ;(await first).release()
    serve = serveRange
    await cache.acquire(b, { appId, siteId, signal: signal() })
    expect(await readdir(folder)).toEqual([`${b.sha256}.apk`])
  })

  test('says so when a package is larger than the whole cache', async () => {
    const ref = offer(randomBytes(sizeBytes))
    await expect(openCache(sizeBytes - 1).acquire(ref, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'package-too-large',
      retryable: false,
    })
    expect(downloads()).toEqual([])
  })

  test('says so before the download when the disk has no room', async () => {
    const ref = { ...offer(randomBytes(10)), size: 2 ** 52 }
    await expect(openCache(2 ** 53).acquire(ref, { appId, siteId, signal: signal() })).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining(folder),
    })
    expect(downloads()).toEqual([])
  })
})
