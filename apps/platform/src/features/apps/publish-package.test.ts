import { createHash } from 'node:crypto'
import { type ApkOptions, type ApkSigner, buildApk, generateSigner } from '@ocelli/app-package/testing'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { apiDemos, apiDemosId, appiumSettings, createStoreFixture } from '../../../test/store-fixture.ts'
import { findFittingPackage } from './fitting-package.ts'

const store = await createStoreFixture({ maxPackageBytes: 64 * 1024 * 1024 })
afterAll(() => store.close())
const signer = await generateSigner()
const made = (appId: string, versionCode: number, more = {}) =>
  buildApk({ ...signer, appId, versionCode, versionName: `${versionCode}.0`, ...more })
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('real packages: 4.0.0, then 4.1.1; 5.0.0 of another certificate is refused', async () => {
  const { accountId, headers } = await store.account()
  const before = await store.files()
  const first = await store.publish(headers, await apiDemos(22))
  expect(first.statusCode).toBe(201)
  expect(first.json()).toMatchObject({ appId: apiDemosId, version: '4.0.0', versionCode: 22, withdrawnAt: null })
  expect(first.headers.location).toBe(`/store/v1/apps/${apiDemosId}/versions/4.0.0`)
  expect((await store.publish(headers, await apiDemos(24))).statusCode).toBe(201)

  const other = await store.publish(headers, await apiDemos(25))
  expect(other.statusCode).toBe(409)
  expect(other.json()).toMatchObject({ code: 'package-other-signer' })
  expect(await store.files()).toBe(before + 2)
  expect(await store.events(accountId)).toEqual(['app.published', 'app.version-published', 'app.version-published'])

  expect((await store.publish(headers, await appiumSettings())).json()).toMatchObject({ appId: 'io.appium.settings' })
  const listed = await store.app.inject({ url: '/store/v1/apps', headers })
  expect(listed.json().map((item: { appId: string }) => item.appId)).toEqual([apiDemosId, 'io.appium.settings'].sort())
})

test('the very same file again is a success that changes nothing, also when it is not the newest any more', async () => {
  const { accountId, headers } = await store.account()
  const [one, two] = [await made('same.file', 1), await made('same.file', 2)]
  for (const bytes of [one, two]) expect((await store.publish(headers, bytes)).statusCode).toBe(201)
  const again = await store.publish(headers, one)
  expect(again.statusCode).toBe(200)
  expect(again.json()).toMatchObject({ version: '1.0' })
  expect(await store.events(accountId)).toHaveLength(3)
  expect(await store.blobs.size(sha256(one))).toBe(one.length)
})

test.each([
  ['nonsense', async () => Buffer.from('not a package at all'), 422, 'package-invalid'],
  ['an empty body', async () => Buffer.alloc(0), 422, 'package-invalid'],
  ['an unsigned package', () => made('bad.one', 1, { schemes: [] }), 422, 'package-unsigned'],
  [
    'a package changed after signing',
    async () => {
      const bytes = await made('bad.one', 1, { padBytes: 5000 })
      bytes.writeUInt8(bytes.readUInt8(3000) ^ 1, 3000)
      return bytes
    },
    422,
    'package-invalid',
  ],
  ['a package larger than allowed', async () => Buffer.alloc(64 * 1024 * 1024 + 1), 413, 'payload-too-large'],
])('%s is refused and leaves nothing', async (_what, bytes, status, code) => {
  const { accountId, headers } = await store.account()
  const before = await store.files()
  const answer = await store.publish(headers, await bytes())
  expect([answer.statusCode, answer.json().code]).toEqual([status, code])
  expect(await store.files()).toBe(before)
  expect(await store.events(accountId)).toEqual([])
  expect((await store.app.inject({ url: '/store/v1/apps', headers })).json()).not.toContainEqual(
    expect.objectContaining({ own: true }),
  )
})

test('a key that came after another by a proof of rotation may sign the next version, and from then on only it', async () => {
  const { accountId, headers } = await store.account()
  const [old, next, last] = [await generateSigner(), await generateSigner(), await generateSigner()]
  const appId = 'rotated.app'
  const publish = async (versionCode: number, more: Partial<ApkOptions> & ApkSigner) =>
    (await store.publish(headers, await made(appId, versionCode, more))).json()
  const schemes = ['v2', 'v3'] as const
  const bytes = await made(appId, 1, old)
  const first = (await store.publish(headers, bytes)).json()
  expect(await publish(2, { ...next, schemes })).toMatchObject({
    code: 'package-other-signer',
    detail: expect.stringContaining('apksigner --lineage'),
  })
  const second = await publish(2, { ...next, schemes, earlier: [old] })
  const signer = (version: typeof first) => version.packages[0].signerCertificateSha256
  expect(signer(second)).not.toBe(signer(first))
  // the old key may be in other hands by now; and cameras that still run the first version need the whole chain
  for (const more of [
    { ...old },
    { ...last, schemes, earlier: [old] },
    { ...next, schemes },
    { ...next, schemes: ['v2'] },
  ] as const) {
    expect(await publish(3, more)).toMatchObject({ code: 'package-other-signer' })
  }
  expect(await publish(3, { ...last, schemes, earlier: [old, next], capabilities: 8 })).toMatchObject({
    code: 'package-other-signer',
  })
  const third = await publish(3, { ...last, schemes, earlier: [old, next] })
  expect(third).toMatchObject({ version: '3.0' })
  const again = await store.publish(headers, bytes)
  expect([again.statusCode, again.json().version]).toEqual([200, '1.0'])
  const { rows } = await sql<{ signer: string; told: string }>`SELECT a.signer_sha256 AS signer,
    (SELECT e.data->>'signerCertificateSha256' FROM event e WHERE e.account_id = ${accountId} ORDER BY e.event_id DESC LIMIT 1) AS told
    FROM app a WHERE a.app_id = ${appId}`.execute(store.db)
  expect(rows).toEqual([{ signer: signer(third), told: signer(third) }])
})

test('a package that early cameras cannot verify is not offered to them, and they keep the version before', async () => {
  const { headers } = await store.account()
  const appId = 'newer.scheme'
  const signer = await generateSigner()
  for (const [versionCode, schemes] of [
    [1, ['v2']],
    [2, ['v3']],
  ] as const) {
    const answer = await store.publish(headers, await made(appId, versionCode, { ...signer, minSdk: 21, schemes }))
    expect(answer.statusCode).toBe(201)
  }
  const camera = { appFormats: ['apk'], architecture: null, firmwareVersion: null, unsignedApps: null }
  const find = (platformLevel: number, version?: string) =>
    findFittingPackage(store.db, { device: { ...camera, platformLevel }, appId, version })
  expect(await find(28)).toMatchObject({ kind: 'fits', package: { version: '2.0' } })
  expect(await find(27)).toMatchObject({ kind: 'fits', package: { version: '1.0' } })
  expect(await find(27, '2.0')).toEqual({
    ...{ kind: 'incompatible', detail: 'Version 2.0 needs platform level 28; this device has 27.' },
  })
})

test('an app from before rotations were kept takes a rotated key too', async () => {
  const { headers } = await store.account()
  const next = await generateSigner()
  await store.publish(headers, await made('older.app', 1))
  await sql`UPDATE app_package SET signatures = NULL WHERE app_id = 'older.app'`.execute(store.db)
  const schemes = ['v2', 'v3'] as const
  const refused = await store.publish(headers, await made('older.app', 2, { ...next, schemes }))
  expect(refused.json()).toMatchObject({ code: 'package-other-signer' })
  const taken = await store.publish(headers, await made('older.app', 2, { ...next, schemes, earlier: [signer] }))
  expect(taken.statusCode).toBe(201)
})

test('what is not newer is refused, and says what is there', async () => {
  const { headers } = await store.account()
  await store.publish(headers, await made('not.newer', 5))
  const before = await store.files()
  for (const [code, more] of [
    [4, {}],
    [5, { padBytes: 10 }],
    [5, { versionName: '5.0.1', padBytes: 10 }],
    [6, { versionName: '5.0' }],
  ] as const) {
    const answer = await store.publish(headers, await made('not.newer', code, more))
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'package-not-newer'])
    expect(answer.json().detail).toContain('5.0')
  }
  expect(await store.files()).toBe(before)
})

test("another publisher's app is refused, and its package stays, also when both send the same bytes", async () => {
  const [owner, stranger] = [await store.account(), await store.account()]
  const bytes = await made('owned.app', 1)
  await store.publish(owner.headers, bytes)
  const answer = await store.publish(stranger.headers, bytes)
  expect([answer.statusCode, answer.json().code]).toEqual([409, 'package-foreign-app'])
  expect(await store.blobs.size(sha256(bytes))).toBe(bytes.length)
})

test.each([1, 2])(
  'of uploads of one version %i at once exactly one wins, and nothing of the others stays',
  async (code) => {
    const { headers } = await store.account()
    const appId = `race.app${code}`
    if (code > 1) await store.publish(headers, await made(appId, 1))
    const before = await store.files()
    const rivals = await Promise.all([0, 1, 2, 3].map((pad) => made(appId, code, { padBytes: 100 + pad })))
    const answers = await Promise.all(rivals.map((bytes) => store.publish(headers, bytes)))
    expect(answers.map((answer) => answer.statusCode).sort()).toEqual([201, 409, 409, 409])
    expect(await store.files()).toBe(before + 1)
    const winner = rivals[answers.findIndex((answer) => answer.statusCode === 201)] as Buffer
    expect(await store.blobs.size(sha256(winner))).toBe(winner.length)
  },
)

test('bytes that a refused upload removed meanwhile are put back before a version names them', async () => {
  const { headers } = await store.account()
  await store.publish(headers, await made('put.back', 1))
  const bytes = await made('put.back', 2)
  const answer = await store.db.transaction().execute(async (transaction) => {
    await sql`SELECT 1 FROM app WHERE app_id = 'put.back' FOR UPDATE`.execute(transaction)
    const publishing = store.publish(headers, bytes)
    await expect.poll(() => store.blobs.size(sha256(bytes)), { timeout: 10_000 }).toBe(bytes.length)
    await store.blobs.remove(sha256(bytes))
    return { publishing }
  })
  expect((await answer.publishing).statusCode).toBe(201)
  expect(await store.blobs.size(sha256(bytes))).toBe(bytes.length)
})

test('the same bytes sent at once by an owner and by strangers stay in the store', async () => {
  const [owner, stranger] = [await store.account(), await store.account()]
  await store.publish(owner.headers, await made('race.two', 1))
  const bytes = await made('race.two', 2)
  const senders = [stranger, owner, stranger, owner, stranger]
  const answers = await Promise.all(senders.map(({ headers }) => store.publish(headers, bytes)))
  expect(answers.map((answer) => answer.statusCode).sort()).toEqual([200, 201, 409, 409, 409])
  expect(await store.blobs.size(sha256(bytes))).toBe(bytes.length)
})

test('a package for another architecture joins the newest version', async () => {
  const { headers } = await store.account()
  for (const architectures of [['arm64-v8a'], ['x86_64']]) {
    expect((await store.publish(headers, await made('many.packages', 1, { architectures }))).statusCode).toBe(201)
  }
  const versions = await store.app.inject({ url: '/store/v1/apps/many.packages/versions', headers })
  expect(versions.json()).toHaveLength(1)
  expect(versions.json()[0].packages).toMatchObject([{ architectures: ['arm64-v8a'] }, { architectures: ['x86_64'] }])
})

test('an Idempotency-Key gets the first answer again without a second upload taking effect', async () => {
  const { accountId, headers } = await store.account()
  const keyed = { ...headers, 'idempotency-key': 'publish-1' }
  const bytes = await made('keyed.app', 1)
  const [first, again] = [await store.publish(keyed, bytes), await store.publish(keyed, bytes)]
  expect([first.statusCode, again.statusCode]).toEqual([201, 201])
  expect(again.headers['idempotency-replayed']).toBe('true')
  expect(again.headers.location).toBe(first.headers.location)
  expect(await store.events(accountId)).toHaveLength(2)
  expect((await store.publish(keyed, await made('keyed.app', 2))).json()).toMatchObject({
    code: 'idempotency-key-reused',
  })
})

test('publishing needs its permission, a token, and a package media type', async () => {
  const viewer = await store.account(['apps:view'])
  expect((await store.publish(viewer.headers, await made('no.way', 1))).json()).toMatchObject({
    code: 'permission-missing',
    requiredPermission: 'apps:publish',
  })
  expect((await store.publish({}, Buffer.from('x'))).statusCode).toBe(401)
  const { headers } = await store.account()
  const json = await store.app.inject({ method: 'POST', url: '/store/v1/packages', headers, payload: { a: 1 } })
  expect(json.json()).toMatchObject({ code: 'unsupported-media-type' })
  expect((await store.publish(headers, Buffer.from('x'), '?visibility=SECRET')).statusCode).toBe(400)
})

test('publishing and withdrawing make devices updatable and not', async () => {
  const { accountId, headers } = await store.account()
  await store.publish(headers, await made('up.date', 1))
  await sql`INSERT INTO device (account_id, device_id, state) VALUES (${accountId}, 'cam', 'UNCLAIMED')`.execute(
    store.db,
  )
  await sql`INSERT INTO installation (account_id, device_id, app_id, managed, present, installed_version_code)
    VALUES (${accountId}, 'cam', 'up.date', true, true, 1)`.execute(store.db)
  const isUpdatable = async () =>
    (
      await sql<{ u: boolean }>`SELECT apps_update_possible AS u FROM device WHERE account_id = ${accountId}`.execute(
        store.db,
      )
    ).rows[0]?.u
  await store.publish(headers, await made('up.date', 2))
  expect(await isUpdatable()).toBe(true)
  const url = '/store/v1/apps/up.date/versions/2.0'
  for (const _ of [1, 2]) {
    const withdrawn = await store.app.inject({ method: 'DELETE', url, headers })
    expect([withdrawn.statusCode, withdrawn.json().withdrawnAt]).toEqual([200, expect.any(String)])
  }
  expect(await isUpdatable()).toBe(false)
  expect((await store.events(accountId)).filter((type) => type === 'app.version-withdrawn')).toHaveLength(1)
  expect((await store.publish(headers, await made('up.date', 2))).json()).toMatchObject({ code: 'package-not-newer' })
})
