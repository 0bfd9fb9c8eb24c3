import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isRenewalDue, keepCertificateFresh } from '../../src/platform/certificate-renewal.ts'
import { enroll } from '../../src/platform/enroll.ts'
import type { GatewayIdentity } from '../../src/platform/gateway-identity.ts'
import { createPlatformApi } from '../../src/platform/platform-api.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { quietLog } from './quiet-log.ts'
import { createTestAuthority, type Pair, type TestAuthority } from './test-authority.ts'
import { reply, siteId, startTestPlatform, type TestPlatform } from './test-platform.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
let authority: TestAuthority
let server: Pair
let home: string
let platform: TestPlatform
let identity: GatewayIdentity
const signal = () => AbortSignal.timeout(15_000)

beforeAll(async () => {
  authority = await createTestAuthority()
  server = await authority.issueServer()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-api-'))
  platform = await startTestPlatform({ authority, server })
  await enrollAgain()
})
afterEach(async () => {
  await platform.close()
  await rm(home, { recursive: true, force: true })
})

async function enrollAgain() {
  const folder = await openStateFolder(home)
  const { url: platformUrl, token } = platform
  identity = await enroll({ folder, platformUrl, token, name: 'g', version: '1', env: {}, signal: signal() })
}

const open = (options: { env?: Record<string, string>; idleTimeoutMs?: number; clock?: Clock } = {}) =>
  createPlatformApi({ identity: () => identity, clock: createSystemClock(), env: {}, ...options })

const asked = (path: string) => platform.exchanges.filter((exchange) => exchange.path === path)
const packagePath = '/device/v1/gateways/self/packages/p1'
const source = { url: '/blob', size: 1, sha256: '0'.repeat(64) }

describe('platform api', () => {
  test('gets a token by signing with the key of its certificate, and uses it for several calls', async () => {
    platform.routes.set(`GET ${packagePath}`, (_exchange, response) => reply(response, 200, source))
    const api = open()
    expect(await api.packageSource('p1', signal())).toEqual(source)
    expect(await api.packageSource('p1', signal())).toEqual(source)
    expect(asked('/auth/v1/token')).toHaveLength(1)
    expect(asked(packagePath).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer access-1',
      'Bearer access-1',
    ])
  })

  test.each([-3 * hourMs, 3 * hourMs])('gets a token though our clock is off by %i ms', async (offsetMs) => {
    platform.clockOffsetMs = offsetMs
    const api = open()
    expect(await api.accessToken(signal())).toBe('access-1')
    expect(asked('/auth/v1/token')).toHaveLength(2)
    expect(Math.abs(api.clockOffsetMs() - offsetMs)).toBeLessThan(5000)
  })

  test('does not insist when a token is refused for another reason', async () => {
    platform.routes.set('POST /auth/v1/token', (_exchange, response) =>
      reply(response, 401, { error: 'invalid_client', error_description: 'This gateway was revoked.' }),
    )
    await expect(open().accessToken(signal())).rejects.toMatchObject({
      code: 'platform-refused',
      message: expect.stringContaining('This gateway was revoked.'),
    })
    expect(asked('/auth/v1/token')).toHaveLength(1)
  })

  test('asks for another token once when one is refused before its time', async () => {
    let refusals = 1
    platform.routes.set(`GET ${packagePath}`, (_exchange, response) =>
      refusals-- > 0 ? reply(response, 401, {}) : reply(response, 200, source),
    )
    expect(await open().packageSource('p1', signal())).toEqual(source)
    expect(asked('/auth/v1/token')).toHaveLength(2)
    refusals = 99
    await expect(open().packageSource('p1', signal())).rejects.toMatchObject({ code: 'platform-refused' })
    expect(asked(packagePath)).toHaveLength(4)
  })

  test('claims cameras', async () => {
    const result = { deviceId: 'a b/c', result: 'claimed', assignment: 4 }
    platform.routes.set('POST /device/v1/claims', (_exchange, response) => reply(response, 200, { results: [result] }))
    const facts = { manufacturer: null, model: null, serialNumber: null, macAddress: null }
    const item = {
      deviceId: 'a b/c',
      identitySource: 'onvif:GetDeviceId',
      driver: 'onvif' as const,
      address: 'http://127.0.0.1',
      siteId,
      facts: { ...facts, firmwareVersion: null, architecture: null, platformLevel: null, appFormats: ['apk'] },
    }
    expect(await open().claim([item], signal())).toEqual([result])
    expect(JSON.parse(asked('/device/v1/claims')[0]?.body ?? '')).toEqual({ devices: [item] })
  })

  test.each([
    [500, 'platform-unreachable', true],
    [503, 'platform-unreachable', true],
    [429, 'platform-unreachable', true],
    [404, 'platform-refused', false],
    [403, 'platform-refused', false],
  ])('takes status %i for %s', async (status, code, retryable) => {
    platform.routes.set(`GET ${packagePath}`, (_exchange, response) => reply(response, status, { detail: 'Because.' }))
    await expect(open().packageSource('p1', signal())).rejects.toMatchObject({
      code,
      retryable,
      message: expect.stringContaining('Because.'),
    })
  })

  test.each(['<html>', '{}', '{"url":1}'])('does not take %s for an answer', async (text) => {
    platform.routes.set(`GET ${packagePath}`, (_exchange, response) => void response.end(text))
    await expect(open().packageSource('p1', signal())).rejects.toMatchObject({ code: 'bad-reply' })
  })

  test('ends a call that the platform never answers', async () => {
    platform.routes.set(`GET ${packagePath}`, () => undefined)
    await expect(open({ idleTimeoutMs: 200 }).packageSource('p1', signal())).rejects.toMatchObject({ code: 'timeout' })
  })

  test('ends a call that stalls in the middle of its answer', async () => {
    platform.routes.set(`GET ${packagePath}`, (_exchange, response) => void response.write('{'))
    await expect(open({ idleTimeoutMs: 200 }).packageSource('p1', signal())).rejects.toMatchObject({
      code: expect.stringMatching(/timeout|platform-unreachable/),
    })
  })

  test('ends a call with its signal', async () => {
    platform.routes.set(`GET ${packagePath}`, () => undefined)
    const stop = new AbortController()
    const call = open().packageSource('p1', stop.signal)
    await expect.poll(() => asked(packagePath).length, { timeout: 10_000 }).toBe(1)
    stop.abort(new Error('stopped'))
    await expect(call).rejects.toThrow('stopped')
  })

  test('does not speak to a server with a certificate of another CA', async () => {
    const stranger = await createTestAuthority('Somebody else')
    const other = await startTestPlatform({ authority: stranger, server: await stranger.issueServer() })
    identity = { ...identity, platformUrl: other.url }
    await expect(open().accessToken(signal())).rejects.toMatchObject({ code: 'ca-mismatch' })
    expect(other.exchanges).toEqual([])
    await other.close()
  })

  test('goes through HTTPS_PROXY, and its TLS stays with the platform', async () => {
    const tunnels: string[] = []
    const proxy = createServer().on('connect', (request, client) => {
      tunnels.push(request.url ?? '')
      // The name does not resolve here: only the proxy knows where the platform is.
      const upstream = connectTcp(Number(new URL(platform.url).port), '127.0.0.1')
      client.write('HTTP/1.1 200 Connected\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
      upstream.on('error', () => client.destroy())
      client.on('error', () => upstream.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const named = await startTestPlatform({ authority, server: await authority.issueServer('platform.invalid') })
    await platform.close()
    named.certificate = platform.certificate
    platform = named
    identity = { ...identity, platformUrl: 'https://platform.invalid:8443' }
    const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    try {
      expect(await open({ env: { HTTPS_PROXY } }).accessToken(signal())).toBe('access-1')
      expect(tunnels).toEqual(['platform.invalid:8443'])
      await expect(open({ env: { HTTPS_PROXY, NO_PROXY: '.invalid' } }).accessToken(signal())).rejects.toMatchObject({
        code: 'platform-unreachable',
      })
    } finally {
      proxy.close()
      proxy.closeAllConnections()
    }
  })
})

describe('certificate renewal', () => {
  /** A clock that stands still until it is moved; `waits` tells how long somebody wants to sleep. */
  function createStillClock(offsetMs: number) {
    const waits: { ms: number; wake: () => void }[] = []
    let aheadMs = offsetMs
    const clock: Clock = {
      now: () => Date.now() + aheadMs,
      monotonic: () => performance.now(),
      sleep: (ms, ending) =>
        new Promise((resolve, reject) => {
          ending.throwIfAborted()
          waits.push({ ms, wake: resolve })
          ending.addEventListener('abort', () => reject(ending.reason), { once: true })
        }),
    }
    const sleepThrough = (ms: number) => {
      aheadMs += ms
    }
    return { clock, waits, sleepThrough }
  }

  async function runUntilFirstWait(offsetMs: number) {
    platform.clockOffsetMs = offsetMs
    const { clock, waits } = createStillClock(offsetMs)
    const stop = new AbortController()
    const replaced: GatewayIdentity[] = []
    const api = open({ clock })
    const replace = async (next: GatewayIdentity) => {
      replaced.push(next)
      identity = next
    }
    const running = keepCertificateFresh({
      ...{ api, identity: () => identity, replace, clock, random: () => 0.5, log: quietLog, signal: stop.signal },
    })
    await expect.poll(() => waits.length, { timeout: 10_000 }).toBe(1)
    stop.abort()
    await running
    return { replaced, waitMs: waits[0]?.ms }
  }

  test.each([
    ['the first day', 1, false],
    ['just before two thirds', 66, false],
    ['just after two thirds', 68, true],
    ['the last day', 99, true],
    ['after its end', 101, true],
  ])('is due on %s', async (_title, percent, isDue) => {
    const lifeMs = 300 * dayMs
    const notBefore = new Date(1_700_000_000_000)
    const validity = { notBefore, notAfter: new Date(notBefore.getTime() + lifeMs) }
    platform.validity = validity
    await enrollAgain()
    expect(isRenewalDue(identity.certificate, notBefore.getTime() + (lifeMs * percent) / 100)).toBe(isDue)
  })

  test('leaves a young certificate alone', async () => {
    const { replaced, waitMs } = await runUntilFirstWait(0)
    expect(replaced).toEqual([])
    expect(waitMs).toBe(10 * 60_000)
  })

  test('renews an old one with the same key', async () => {
    const before = identity
    const { replaced } = await runUntilFirstWait(300 * dayMs)
    expect(replaced).toHaveLength(1)
    expect(identity.certificate).not.toBe(before.certificate)
    expect(identity).toMatchObject({ privateKey: before.privateKey, caCertificate: before.caCertificate })
  })

  test('renews one that has expired, by proof of its key', async () => {
    const { replaced } = await runUntilFirstWait(400 * dayMs)
    expect(replaced).toHaveLength(1)
  })

  test('renews it minutes after the machine wakes, having slept past its end', async () => {
    const { clock, waits, sleepThrough } = createStillClock(0)
    const stop = new AbortController()
    const replaced = Promise.withResolvers<GatewayIdentity>()
    const options = { identity: () => identity, clock, random: () => 0.5, log: quietLog, signal: stop.signal }
    const replace = async (next: GatewayIdentity) => replaced.resolve(next)
    const running = keepCertificateFresh({ ...options, api: open({ clock }), replace })
    await expect.poll(() => waits.length, { timeout: 10_000 }).toBe(1)
    sleepThrough(400 * dayMs)
    platform.clockOffsetMs = 400 * dayMs
    expect(waits[0]?.ms).toBeLessThan(15 * 60_000)
    waits[0]?.wake()
    expect((await replaced.promise).certificate).not.toBe(identity.certificate)
    stop.abort()
    await running
  })

  test('keeps the old one when the new one is not right, and tries again soon', async () => {
    const before = identity
    platform.routes.set('POST /device/v1/gateways/self/certificate', async ({ body }, response) => {
      const { csr } = JSON.parse(body) as { csr: string }
      const certificate = await authority.issueFor(csr, { commonName: 'another' })
      reply(response, 200, { certificate, caCertificate: authority.certificate })
    })
    const { replaced, waitMs } = await runUntilFirstWait(300 * dayMs)
    expect(replaced).toEqual([])
    expect(identity).toBe(before)
    expect(waitMs).toBe(10 * 60_000)
  })
})
