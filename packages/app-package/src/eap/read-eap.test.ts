import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createBufferSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import { buildEap, type EapOptions, hostileEaps, manifestSchemas } from '../testing/index.ts'
import { readEap } from './read-eap.ts'

const read = (bytes: Buffer) => readEap(createBufferSource(bytes))
const build = (options: Partial<EapOptions> = {}) => buildEap({ appId: 'hello_world', ...options })
const built = async (options: Partial<EapOptions> = {}) => read(await build(options))

test.each(manifestSchemas)('a manifest of schema %s says everything', async (schema) => {
  const options: Partial<EapOptions> = {
    schema,
    version: '2.10.3',
    architecture: 'armv7hf',
    friendlyName: 'Hello Wörld',
    vendor: 'Example Ltd',
    vendorId: 'ABCDEF0123',
    axisAppId: '415129',
    copyProtection: 'axis',
    compatibleOsVersions: [{ min: '11.11', max: '13' }],
    runMode: 'respawn',
    user: { username: 'sdk', group: 'video' },
    settingPage: 'index.html',
    parameters: [{ name: 'License', default: 'a=b', type: 'string:maxlen=64' }],
    httpPaths: ['api'],
  }
  const bytes = await build(options)
  expect(await read(bytes)).toEqual({
    format: 'eap',
    appId: 'hello_world',
    versionName: '2.10.3',
    architectures: ['armv7hf'],
    label: 'Hello Wörld',
    vendor: 'Example Ltd',
    vendorId: 'abcdef0123',
    axisAppId: '415129',
    copyProtection: 'axis',
    manifestSchema: schema,
    compatibleOsVersions: [{ min: '11.11', max: '13' }],
    minSdkVersion: schema.startsWith('2.') ? '2.0' : '3.0',
    runMode: 'respawn',
    runAs: { user: 'sdk', group: 'video' },
    settingPage: 'index.html',
    parameters: [{ name: 'License', default: 'a=b', type: 'string:maxlen=64' }],
    httpPaths: ['api'],
    signature: null,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  })
})

test('a package with package.conf only, as before AXIS OS 10.7, says what that file can say', async () => {
  const parameters = [{ name: 'Speed', default: '5', type: 'int:min=0;max=10' }]
  const options = { schema: null, version: '4.5.2', copyProtection: 'custom', parameters } as const
  expect(await built(options)).toMatchObject({
    appId: 'hello_world',
    versionName: '4.5-2',
    architectures: ['aarch64'],
    manifestSchema: null,
    vendorId: null,
    axisAppId: null,
    copyProtection: 'custom',
    minSdkVersion: '2.0',
    runAs: { user: 'sdk', group: 'sdk' },
    parameters,
  })
})

test('a manifest alone is enough when it names the architecture', async () => {
  expect(await built({ packageConf: false, architecture: 'all' })).toMatchObject({ architectures: [] })
})

test('the architecture may stand in package.conf alone, and a version with a suffix is the same in both', async () => {
  const manifest = JSON.stringify({
    schemaVersion: '1.7.1',
    acapPackageConf: { setup: { appName: 'hello_world', vendor: 'Example', version: '1.2.3-beta.1' } },
  })
  expect(await built({ manifest, version: '1.2.3-beta.1', architecture: 'armv7hf' })).toMatchObject({
    architectures: ['armv7hf'],
    versionName: '1.2.3-beta.1',
    label: 'hello_world',
  })
  await expect(built({ manifest, packageConf: false })).rejects.toMatchObject({ code: 'manifest-invalid' })
})

test('the signature is split off, and says when and with which key it was made', async () => {
  const createdAt = new Date('2026-03-04T05:06:07Z')
  const keyId = 'cd5613ae06ebf4e0ed7d4969db55b3ca61462d87'
  const plain = await build({ padBytes: 300_000 })
  const signed = await build({ padBytes: 300_000, signed: { createdAt, keyId } })
  expect(signed.subarray(0, plain.length).equals(plain)).toBe(true)
  expect(signed.length).toBeGreaterThan(plain.length)
  expect((await read(signed)).signature).toEqual({ createdAt, keyId, signedBytes: plain.length })
  expect((await read(plain)).signature).toBeNull()
})

test('long names, links within the package and folders named twice are what real packages have', async () => {
  const name = `html/${'long-name/'.repeat(15)}index.html`
  const entries = [
    { name: './lib', type: 'directory' },
    { name: 'lib/', type: 'directory' },
    { name: 'lib/libx.so.1', bytes: Buffer.from('ELF') },
    { name: 'lib/libx.so', type: 'symlink', linkname: 'libx.so.1' },
    { name: 'html/data', type: 'symlink', linkname: '../lib/libx.so' },
    { name, bytes: Buffer.from('<html>') },
  ] as const
  expect(await built({ entries })).toMatchObject({ appId: 'hello_world' })
})

test.each(Object.entries(hostileEaps))('%s is refused, at once', async (_what, make) => {
  const bytes = await make()
  const startedAt = performance.now()
  await expect(read(bytes)).rejects.toBeInstanceOf(PackageError)
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

test('a bomb is refused long before it is unpacked', async () => {
  const bytes = await hostileEaps['a bomb in a file']()
  const usedBytes = process.memoryUsage().external
  await expect(read(bytes)).rejects.toMatchObject({ code: 'too-complex' })
  expect(process.memoryUsage().external - usedBytes).toBeLessThan(16 * 1024 * 1024)
})

const manifestOf = (setup: object, more = {}) =>
  JSON.stringify({
    schemaVersion: '1.3',
    acapPackageConf: { setup: { appName: 'hello_world', version: '1.0.0', architecture: 'all', ...setup }, ...more },
  })

test.each([
  ['an app name with a slash', manifestOf({ appName: '../evil' })],
  ['an app name that is a number', manifestOf({ appName: 7 })],
  ['no version', manifestOf({ version: undefined })],
  ['a version with a line break', manifestOf({ version: '1.0\n' })],
  ['an unknown architecture', manifestOf({ architecture: 'x86/64' })],
  ['a vendor id that is none', manifestOf({ vendorId: 'acme' })],
  ['a range of versions without bounds', manifestOf({ compatibleOsVersions: [{}] })],
  ['a version of AXIS OS that is none', manifestOf({ compatibleOsVersions: [{ max: '13.x' }] })],
  ['an unknown copy protection', manifestOf({}, { copyProtection: { method: 'dongle' } })],
  ['no schema version', '{"acapPackageConf":{"setup":{}}}'],
  ['no JSON', '{'],
  ['JSON without end', '['.repeat(500_000)],
  ['a list', '[]'],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
])('a manifest with %s is refused', async (_what, manifest) => {
  await expect(built({ manifest, packageConf: false })).rejects.toMatchObject({ code: 'manifest-invalid' })
})
