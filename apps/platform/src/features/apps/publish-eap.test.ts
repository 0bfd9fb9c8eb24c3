import { buildEap, type EapOptions, hostileEaps } from '@ocelli/app-package/testing'
import { afterAll, expect, test } from 'vitest'
import { createStoreFixture } from '../../../test/store-fixture.ts'

const store = await createStoreFixture()
afterAll(() => store.close())

type Headers = Awaited<ReturnType<typeof store.account>>['headers']

async function publish(headers: Headers, options: EapOptions): Promise<{ status: number; body: unknown }> {
  const answer = await store.publish(headers, await buildEap(options))
  return { status: answer.statusCode, body: answer.json() }
}

test('an .eap makes an app, and all that it says is told', async () => {
  const { accountId, headers } = await store.account()
  const signed = { createdAt: new Date('2026-03-04T05:06:07Z'), keyId: 'cd'.repeat(20) }
  const options: EapOptions = {
    appId: 'whole_eap',
    friendlyName: 'Whole',
    schema: '2.2.0',
    version: '3.7.62',
    vendor: 'Example Ltd',
    vendorId: 'abcdef0123',
    axisAppId: '415129',
    copyProtection: 'axis',
    compatibleOsVersions: [{ min: '11.11', max: '13' }],
    runMode: 'respawn',
    settingPage: 'index.html',
    parameters: [{ name: 'License', default: '', type: 'string' }],
    httpPaths: ['api'],
    signed,
  }
  expect(await publish(headers, options)).toMatchObject({
    status: 201,
    body: {
      appId: 'whole_eap',
      version: '3.7.62',
      versionCode: 1,
      packages: [
        {
          format: 'eap',
          architectures: ['aarch64'],
          minPlatformLevel: null,
          signerCertificateSha256: null,
          eap: {
            vendor: 'Example Ltd',
            vendorId: 'abcdef0123',
            axisAppId: '415129',
            copyProtection: 'axis',
            manifestSchema: '2.2.0',
            osVersions: [{ min: '11.11', max: '13' }],
            settingPage: 'index.html',
            parameters: [{ name: 'License', default: '', type: 'string' }],
            httpPaths: ['api'],
            signature: { createdAt: '2026-03-04T05:06:07.000Z', keyId: 'cd'.repeat(20) },
          },
        },
      ],
    },
  })
  expect(await store.events(accountId)).toEqual(['app.published', 'app.version-published'])
  const listed = await store.app.inject({ url: '/store/v1/apps/whole_eap', headers })
  expect(listed.json()).toMatchObject({ name: 'Whole', latestVersion: '3.7.62' })
})

test('the bytes that are stored are those that came, signature and all', async () => {
  const { headers } = await store.account()
  const bytes = await buildEap({ appId: 'same_bytes', signed: true })
  await store.publish(headers, bytes)
  const got = await store.app.inject({ url: '/software/v1/apps/same_bytes/download', headers })
  expect([got.statusCode, got.rawPayload.equals(bytes)]).toEqual([200, true])
  expect(got.headers['content-disposition']).toContain('same_bytes-1.0.0.eap')
  const again = await store.publish(headers, bytes)
  expect(again.statusCode).toBe(200)
})

test('one version takes packages for other cameras: architectures, versions of AXIS OS, and the signed one', async () => {
  const { headers } = await store.account()
  const app = { appId: 'many_cameras', schema: '2.0.0' } as const
  for (const more of [
    {},
    { architecture: 'armv7hf' },
    { compatibleOsVersions: [{ min: '10.12', max: '11' }] },
    { compatibleOsVersions: [{ min: '12.0', max: '13' }] },
    { signed: true },
  ]) {
    expect(await publish(headers, { ...app, ...more })).toMatchObject({ status: 201, body: { versionCode: 1 } })
  }
  expect(await publish(headers, { ...app, padBytes: 10 })).toMatchObject({
    status: 409,
    body: { code: 'package-not-newer' },
  })
  const versions = await store.app.inject({ url: '/store/v1/apps/many_cameras/versions', headers })
  expect(versions.json()).toMatchObject([{ version: '1.0.0', packages: { length: 5 } }])
})

test('versions are counted in the order of their numbers, and what is not newer is refused', async () => {
  const { headers } = await store.account()
  const version = (text: string) => publish(headers, { appId: 'counted', version: text, schema: null })
  expect(await version('1.9.0')).toMatchObject({ status: 201, body: { version: '1.9-0', versionCode: 1 } })
  expect(await version('1.10.0')).toMatchObject({ status: 201, body: { version: '1.10-0', versionCode: 2 } })
  for (const text of ['1.9.9', '1.8']) {
    expect(await version(text)).toMatchObject({ status: 409, body: { code: 'package-not-newer' } })
  }
  const manifest = await publish(headers, { appId: 'counted', version: '1.10.0', padBytes: 10 })
  expect(manifest).toMatchObject({ status: 409, body: { detail: expect.stringContaining('the same as 1.10-0') } })
})

test('texts that cannot be compared count in the order of publishing, each once', async () => {
  const { headers } = await store.account()
  const manifest = (version: string) =>
    JSON.stringify({
      schemaVersion: '1.3',
      acapPackageConf: { setup: { appName: 'texts', version, architecture: 'all' } },
    })
  const version = (text: string) =>
    publish(headers, { appId: 'texts', packageConf: false, manifest: manifest(text), version: text })
  expect(await version('r12')).toMatchObject({ status: 201, body: { versionCode: 1 } })
  expect(await version('r11')).toMatchObject({ status: 201, body: { versionCode: 2 } })
  expect(await version('r12')).toMatchObject({ status: 200 })
  const other = { appId: 'texts', packageConf: false, manifest: manifest('r12'), padBytes: 10 }
  expect(await publish(headers, other)).toMatchObject({ status: 409, body: { code: 'package-not-newer' } })
})

test('the vendor id never changes once it is said; a package for older cameras may leave it out', async () => {
  const { headers } = await store.account()
  const version = (text: string, more: Partial<EapOptions>) =>
    publish(headers, { appId: 'vendors', version: text, ...more })
  expect(await version('1.0.0', { schema: '1.3' })).toMatchObject({ status: 201 })
  expect(await version('2.0.0', { schema: '2.0.0', vendorId: 'aaaaaaaaaa' })).toMatchObject({ status: 201 })
  expect(await version('2.0.0', { schema: '1.3', architecture: 'armv7hf' })).toMatchObject({ status: 201 })
  expect(await version('3.0.0', { schema: '2.0.0', vendorId: 'bbbbbbbbbb' })).toMatchObject({
    status: 409,
    body: { code: 'package-other-signer', detail: expect.stringContaining('aaaaaaaaaa') },
  })
  expect(await version('3.0.0', { schema: '2.0.0', vendorId: 'AAAAAAAAAA' })).toMatchObject({ status: 201 })
})

test("another publisher's app is refused, signed or not", async () => {
  const [owner, stranger] = [await store.account(), await store.account()]
  await publish(owner.headers, { appId: 'owned_eap' })
  expect(await publish(stranger.headers, { appId: 'owned_eap', version: '2.0.0', signed: true })).toMatchObject({
    status: 409,
    body: { code: 'package-foreign-app' },
  })
})

test.each(['a bomb in a file', 'a link out of the package', 'two manifests', 'bytes before the signature'] as const)(
  '%s is refused and leaves nothing',
  async (kind) => {
    const { accountId, headers } = await store.account()
    const before = await store.files()
    const answer = await store.publish(headers, await hostileEaps[kind]())
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'package-invalid'])
    expect(await store.files()).toBe(before)
    expect(await store.events(accountId)).toEqual([])
  },
)

test.each([
  ['axis', null, 'CAMERA'],
  ['none', null, 'NOBODY'],
  ['custom', null, 'NOBODY'],
  ['none', { kind: 'PARAMETER', name: 'License' }, 'APP'],
  ['custom', { kind: 'APP_PATH', path: 'api/license' }, 'APP'],
  ['none', { kind: 'CAMERA' }, 'CAMERA'],
] as const)('the listing says who looks at licenses: protected by %s, placed at %j: %s', async (...row) => {
  const [copyProtection, licensePlacement, licenseCheckedBy] = row
  const { headers } = await store.account()
  const appId = `looked_at_${Math.random().toString(36).slice(2)}`
  await publish(headers, { appId, copyProtection })
  const url = `/store/v1/apps/${appId}`
  const patched = await store.app.inject({ method: 'PATCH', url, headers, payload: { licensePlacement } })
  expect(patched.statusCode).toBe(200)
  const app = await store.app.inject({ url, headers })
  expect(app.json()).toMatchObject({ licensePlacement, licenseCheckedBy })
})

test.each(['network', 'Properties', 'ptz'])(
  'an app called %s cannot have its license among the settings of its camera',
  async (appId) => {
    const { headers } = await store.account()
    expect(await publish(headers, { appId })).toMatchObject({ status: 201 })
    const patch = async (licensePlacement: object) => {
      const url = `/store/v1/apps/${appId}`
      return (await store.app.inject({ method: 'PATCH', url, headers, payload: { licensePlacement } })).json()
    }
    expect(await patch({ kind: 'PARAMETER', name: 'License' })).toMatchObject({
      ...{ status: 400, code: 'invalid-request', detail: expect.stringContaining(`root.${appId}`) },
    })
    expect(await patch({ kind: 'APP_PATH', path: 'license' })).toMatchObject({ appId })
  },
)

test('a place for licenses that is none is refused', async () => {
  const { headers } = await store.account()
  await publish(headers, { appId: 'odd_place' })
  for (const licensePlacement of [
    { kind: 'PARAMETER', name: 'a=b&c' },
    { kind: 'APP_PATH', path: 'a?b' },
    { kind: 'APP_PATH', path: 'a/../../axis-cgi/restart.cgi' },
    { kind: 'X' },
  ]) {
    const payload = { licensePlacement }
    const answer = await store.app.inject({ method: 'PATCH', url: '/store/v1/apps/odd_place', headers, payload })
    expect(answer.statusCode).toBe(400)
  }
})
