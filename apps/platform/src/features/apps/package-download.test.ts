import { createHash, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { buildApk, generateSigner } from '@ocelli/app-package/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStoreFixture } from '../../../test/store-fixture.ts'
import { bearerHeader } from '../../../test/test-platform.ts'

const store = await createStoreFixture()
afterAll(() => store.close())
type Headers = Record<string, string>
let publisher: { accountId: string; headers: Headers }
let bytes: Buffer
let sha256: string
const url = '/software/v1/apps/sold.app/download'

beforeAll(async () => {
  publisher = await store.account()
  const signer = await generateSigner()
  const make = (appId: string, versionCode: number, more = {}) =>
    buildApk({ ...signer, appId, versionCode, versionName: `${versionCode}.0 "beta"/é`, ...more })
  bytes = await make('sold.app', 2, { padBytes: 3_000_000 })
  sha256 = createHash('sha256').update(bytes).digest('hex')
  for (const apk of [
    await make('sold.app', 1),
    bytes,
    await make('split.app', 1, { architectures: ['arm64-v8a'] }),
    await make('split.app', 1, { architectures: ['x86_64'] }),
    await make('split.app', 2, { architectures: ['x86_64'] }),
  ]) {
    expect((await store.publish(publisher.headers, apk, '?visibility=LISTED')).statusCode).toBe(201)
  }
})

const get = (more: { headers?: Headers; url?: string; method?: 'GET' | 'HEAD' } = {}) =>
  store.app.inject({ url, ...more, headers: { ...publisher.headers, ...more.headers } })

test('the whole package comes with its hash and a safe name', async () => {
  const answer = await get()
  expect(answer.statusCode).toBe(200)
  expect(answer.rawPayload.equals(bytes)).toBe(true)
  expect(answer.headers).toMatchObject({
    etag: `"${sha256}"`,
    'accept-ranges': 'bytes',
    'content-type': 'application/vnd.android.package-archive',
    'content-length': String(bytes.length),
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    'content-disposition': 'attachment; filename="sold.app-2.0__beta___.apk"',
  })
})

test('HEAD says the same without the bytes', async () => {
  const [head, whole] = [await get({ method: 'HEAD' }), await get()]
  expect(head.rawPayload.length).toBe(0)
  for (const name of ['etag', 'content-length', 'content-type', 'repr-digest']) {
    expect(head.headers[name]).toBe(whole.headers[name])
  }
})

test('a download that broke off over a real connection is resumed where it stopped', async () => {
  await store.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = store.app.server.address() as AddressInfo
  const ask = (headers: Headers) =>
    new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const options = { port, path: url, headers: { ...publisher.headers, ...headers } }
      request(options, resolve).on('error', reject).end()
    })
  const broken = await ask({})
  const [first] = (await broken.take(1).toArray()) as [Buffer]
  broken.destroy()
  expect(first.length).toBeLessThan(bytes.length)
  const rest = await ask({ range: `bytes=${first.length}-`, 'if-range': String(broken.headers.etag) })
  expect(rest.statusCode).toBe(206)
  expect(rest.headers['content-range']).toBe(`bytes ${first.length}-${bytes.length - 1}/${bytes.length}`)
  expect(Buffer.concat([first, await buffer(rest)]).equals(bytes)).toBe(true)
})

test('ranges, If-Range and If-None-Match', async () => {
  const last = await get({ headers: { range: 'bytes=-5' } })
  expect([last.statusCode, last.rawPayload]).toEqual([206, bytes.subarray(-5)])
  const changed = await get({ headers: { range: 'bytes=0-4', 'if-range': '"another"' } })
  expect([changed.statusCode, changed.rawPayload.length]).toEqual([200, bytes.length])
  const beyond = await get({ headers: { range: `bytes=${bytes.length}-` } })
  expect([beyond.statusCode, beyond.headers['content-range']]).toEqual([416, `bytes */${bytes.length}`])
  expect(beyond.json().code).toBe('range-not-satisfiable')
  const known = await get({ headers: { 'if-none-match': `"${sha256}"`, range: 'bytes=0-4' } })
  expect([known.statusCode, known.rawPayload.length]).toEqual([304, 0])
})

test('a version is named, or the newest; where several fit, the choices are told', async () => {
  const named = await get({ url: `${url}?version=${encodeURIComponent('1.0 "beta"/é')}` })
  expect(named.headers['content-disposition']).toContain('sold.app-1.0')
  expect((await get({ url: `${url}?version=9` })).statusCode).toBe(404)

  const first = `version=${encodeURIComponent('1.0 "beta"/é')}`
  const split = (query: string) => get({ url: `/software/v1/apps/split.app/download?${query}` })
  const ambiguous = await split(first)
  expect(ambiguous.json()).toMatchObject({
    code: 'package-ambiguous',
    status: 409,
    errors: [{ code: 'arm64-v8a' }, { code: 'x86_64' }],
  })
  expect((await split(`${first}&architecture=x86_64`)).statusCode).toBe(200)
  expect((await split('architecture=arm64-v8a')).headers['content-disposition']).toContain('split.app-1.0')
  expect((await split('architecture=mips')).json()).toMatchObject({ code: 'incompatible' })

  await sql`INSERT INTO device (account_id, device_id, state, architecture, app_formats) VALUES
    (${publisher.accountId}, 'arm', 'UNCLAIMED', 'arm64-v8a', '{apk}'),
    (${publisher.accountId}, 'axis', 'UNCLAIMED', 'armv7hf', '{eap}')`.execute(store.db)
  expect((await split('deviceId=arm')).headers['content-disposition']).toContain('split.app-1.0')
  expect((await split('deviceId=axis')).json()).toMatchObject({ code: 'incompatible' })
  expect((await split('deviceId=nobody')).statusCode).toBe(404)
})

test('packages go to those who hold a quantity', async () => {
  const buyer = await store.account()
  const ask = () => store.app.inject({ url, headers: buyer.headers })
  expect((await ask()).json()).toMatchObject({ status: 409, code: 'no-free-license' })
  const placed = await store.app.inject({
    method: 'POST',
    url: '/store/v1/orders',
    headers: buyer.headers,
    payload: { appId: 'sold.app', licenseType: 'FULL', quantity: 1 },
  })
  expect((await ask()).statusCode).toBe(409)
  await store.app.inject({
    method: 'POST',
    url: `/store/v1/orders/${placed.json().orderId}/confirm`,
    headers: publisher.headers,
  })
  expect((await ask()).statusCode).toBe(200)

  const patch = (visibility: string) =>
    store.app.inject({
      method: 'PATCH',
      url: '/store/v1/apps/sold.app',
      headers: publisher.headers,
      payload: { visibility },
    })
  expect((await patch('PRIVATE')).json()).toMatchObject({ visibility: 'PRIVATE', own: true })
  expect((await ask()).statusCode).toBe(200)
  const stranger = await store.account()
  expect((await store.app.inject({ url, headers: stranger.headers })).statusCode).toBe(404)
  const noView = { headers: await store.machine(buyer.accountId, { permissions: ['store:purchase'] }) }
  expect((await store.app.inject({ url, ...noView })).json()).toMatchObject({ requiredPermission: 'apps:view' })
  expect(
    (await store.app.inject({ method: 'PATCH', url: '/store/v1/apps/sold.app', ...buyer, payload: { name: 'Mine' } }))
      .statusCode,
  ).toBe(404)
  await patch('LISTED')
})

test('a gateway gets a link only for what is desired on its devices, and the link ends', async () => {
  const { accountId } = publisher
  const [siteId, mine, other] = [randomUUID(), randomUUID(), randomUUID()]
  await sql`INSERT INTO site (site_id, account_id, name) VALUES (${siteId}, ${accountId}, 'Yard')`.execute(store.db)
  for (const gatewayId of [mine, other]) {
    await sql`INSERT INTO gateway (gateway_id, account_id, site_id, name, public_key, certificate_serial, certificate_expires_at)
      VALUES (${gatewayId}, ${accountId}, ${siteId}, 'g', '{}', '1', now())`.execute(store.db)
  }
  await sql`INSERT INTO device (account_id, device_id, state, gateway_id, site_id, claimed_at)
    VALUES (${accountId}, 'cam', 'CLAIMED', ${mine}, ${siteId}, now())`.execute(store.db)
  const { rows } = await sql<{
    package_id: string
  }>`SELECT package_id FROM app_package WHERE sha256 = ${sha256}`.execute(store.db)
  const packageId = String(rows[0]?.package_id)
  const ask = async (gatewayId: string, id = packageId) =>
    store.app.inject({
      url: `/device/v1/gateways/self/packages/${id}`,
      headers: bearerHeader(await store.accessTokens.issue({ kind: 'gateway', id: gatewayId })),
    })
  expect((await ask(mine)).statusCode).toBe(404)
  await sql`INSERT INTO installation (account_id, device_id, app_id, managed, presence, package_id)
    VALUES (${accountId}, 'cam', 'sold.app', true, 'PRESENT', ${packageId})`.execute(store.db)
  expect((await ask(other)).statusCode).toBe(404)
  expect((await ask(mine, randomUUID())).statusCode).toBe(404)
  expect((await get({ url: `/device/v1/gateways/self/packages/${packageId}` })).statusCode).toBe(403)

  const source = (await ask(mine)).json()
  expect(source).toMatchObject({ size: bytes.length, sha256 })
  const follow = (link: string) => store.app.inject({ url: link, headers: { range: 'bytes=0-99' } })
  const part = await follow(source.url)
  expect([part.statusCode, part.rawPayload]).toEqual([206, bytes.subarray(0, 100)])
  expect(part.headers.etag).toBe(`"${sha256}"`)
  const otherHash = createHash('sha256').update('x').digest('hex')
  expect((await follow(source.url.replace(sha256, otherHash))).statusCode).toBe(403)
  expect((await follow(source.url.replace(/expires=\d/, 'expires=9'))).statusCode).toBe(403)
  store.clock.nowMs = store.nowMs() + 15 * 60 * 1000 + 1000
  expect((await follow(source.url)).json().detail).toContain('expired')
})
