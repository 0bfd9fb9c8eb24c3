import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { createPackageCache, type PackageCache, type PackageRef } from '../../src/packages/package-cache.ts'
import { enroll } from '../../src/platform/enroll.ts'
import { createPlatformApi } from '../../src/platform/platform-api.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { quietLog } from './quiet-log.ts'
import { createTestAuthority } from './test-authority.ts'
import { type Exchange, reply, startTestPlatform } from './test-platform.ts'

export const appId = 'com.example.counter'
export const siteId = 'site'
export const sizeBytes = 300_000
export const soon = { timeout: 15_000, interval: 10 }
/** What a camera asks with. */
export const asked = (signal: AbortSignal = AbortSignal.timeout(30_000)) => ({ appId, siteId, signal })

/** Answers a download; called with what is asked for and the bytes it should get. */
type Serve = (exchange: Exchange, response: ServerResponse, content: Buffer) => void

const authority = createTestAuthority()

/** A platform that offers packages, and caches on one folder, each like that of a new process. */
export async function createPackageSite() {
  const home = await mkdtemp(join(tmpdir(), 'ocelli-packages-'))
  const folder = join(home, 'packages')
  const platform = await startTestPlatform({ authority: await authority, server: null })
  const { url: platformUrl, token } = platform
  const signal = AbortSignal.timeout(30_000)
  const state = await openStateFolder(home)
  const identity = await enroll({ folder: state, platformUrl, token, name: 'g', version: '1', env: {}, signal })
  const api = createPlatformApi({
    identity: () => identity,
    clock: createSystemClock(),
    env: {},
    idleTimeoutMs: 10_000,
  })
  const caches: PackageCache[] = []
  onTestFinished(async () => {
    await Promise.all(caches.map((cache) => cache.close()))
    await platform.close()
    await rm(home, { recursive: true, force: true })
  })

  async function partSize(): Promise<number | null> {
    const names = await readdir(folder).catch(() => [])
    const part = names.find((name) => name.endsWith('.part'))
    return part === undefined ? null : ((await stat(join(folder, part)).catch(() => null))?.size ?? null)
  }
  const untilPartHas = (bytes: number) => expect.poll(partSize, soon).toBe(bytes)

  /** Whole, or up to `end`, and then the connection breaks. */
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

  const downloads = () => platform.exchanges.filter(({ path }) => path.startsWith('/blob/'))
  const site = {
    ...{ folder, platform, serveRange, untilPartHas, downloads },
    serve: serveRange as Serve,
    ranges: () => downloads().map(({ headers }) => headers.range),
    /** Waits cost nothing by default, so that retries are quick. */
    openCache(maxBytes = 10_000_000, clock: Clock = createEagerClock()): PackageCache {
      const cache = createPackageCache({
        ...{ folder, maxBytes, source: api, clock, random: Math.random, log: quietLog },
      })
      caches.push(cache)
      return cache
    },
    /** Offers a package under a new short-lived URL at each question. */
    offer(content: Buffer, announced = content): PackageRef {
      const packageId = `0194f9a0-0000-7000-8000-${randomBytes(6).toString('hex')}`
      const sha256 = createHash('sha256').update(announced).digest('hex')
      let current = ''
      platform.routes.set(`GET /device/v1/gateways/self/packages/${packageId}`, (_exchange, response) => {
        platform.routes.delete(`GET ${current}`)
        current = `/blob/${randomBytes(8).toString('hex')}`
        platform.routes.set(`GET ${current}`, (exchange, blob) => site.serve(exchange, blob, content))
        reply(response, 200, { url: current, size: announced.length, sha256 })
      })
      return { packageId, format: 'apk', version: '1.0', versionCode: 1, size: announced.length, sha256 }
    },
  }
  return site
}

function createEagerClock(): Clock {
  const system = createSystemClock()
  return { ...system, sleep: (_ms, signal) => system.sleep(0, signal) }
}
