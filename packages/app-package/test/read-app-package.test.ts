import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAppPackage } from '../src/index.ts'
import { buildApk, buildEap, generateSigner, hostileEaps, writeApk, writeEap } from '../src/testing/index.ts'

const signer = await generateSigner()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-packages-'))
})
afterAll(() => rm(folder, { recursive: true }))

const jar = [
  { name: 'META-INF/MAKER.SF', bytes: Buffer.from('Signature-Version: 1.0') },
  { name: 'META-INF/MAKER.RSA', bytes: Buffer.from('not looked at') },
]

test.each([
  [21, ['v2'], 24, []],
  [21, ['v2', 'v3'], 24, []],
  [21, ['v3'], 28, []],
  [21, ['v3', 'v3.1'], 28, []],
  [30, ['v3'], 30, []],
  [21, ['v2'], 21, jar],
  [21, ['v3'], 28, jar],
] as const)(
  'made for platform level %i and signed by %j it is for cameras from %i on',
  async (minSdk, schemes, level, entries) => {
    const path = join(folder, `${minSdk}-${schemes.join('-')}-${entries.length}.apk`)
    await writeFile(path, await buildApk({ ...signer, appId: 'com.example.counter', minSdk, schemes, entries }))
    expect(await readAppPackage(path)).toMatchObject({ minPlatformLevel: level })
  },
)

test('everything that a package says comes out of the file', async () => {
  const path = join(folder, 'whole.apk')
  const options = { appId: 'com.example.counter', versionCode: 7, versionName: '1.2', minSdk: 24, targetSdk: 33 }
  const architectures = ['x86_64', 'arm64-v8a']
  await writeFile(
    path,
    await buildApk({ ...signer, ...options, architectures, label: 'Zähler', schemes: ['v2', 'v3'] }),
  )
  expect(await readAppPackage(path)).toMatchObject({
    format: 'apk',
    appId: 'com.example.counter',
    versionCode: 7,
    versionName: '1.2',
    minPlatformLevel: 24,
    targetPlatformLevel: 33,
    architectures: ['arm64-v8a', 'x86_64'],
    label: 'Zähler',
    signer: { scheme: 'v3', subject: 'CN=Ocelli test signer' },
  })
})

test('a package of many chunks takes little memory, and one changed byte in its middle is noticed', async () => {
  const path = join(folder, 'large.apk')
  const megabyte = 1024 * 1024
  await writeApk(path, { ...signer, appId: 'com.example.large', padBytes: 128 * megabyte + 17 })
  const peakKilobytes = process.resourceUsage().maxRSS
  expect(await readAppPackage(path)).toMatchObject({ appId: 'com.example.large', architectures: [] })
  expect(process.resourceUsage().maxRSS - peakKilobytes).toBeLessThan(64 * 1024)
  await using handle = await open(path, 'r+')
  await handle.write(Buffer.from('changed'), 0, 7, 64 * megabyte)
  await expect(readAppPackage(path)).rejects.toMatchObject({
    code: 'signature-invalid',
    detail: expect.stringContaining('contents'),
  })
})

test('the contents decide what a package is, not its name', async () => {
  const path = join(folder, 'named.apk')
  await writeFile(path, await buildEap({ appId: 'hello_world' }))
  expect(await readAppPackage(path)).toMatchObject({ format: 'eap', appId: 'hello_world' })
})

test('an .eap of many chunks takes little memory, and so does a bomb', async () => {
  const path = join(folder, 'large.eap')
  await writeEap(path, { appId: 'large', padBytes: 48 * 1024 * 1024 })
  const bomb = join(folder, 'bomb.eap')
  await writeFile(bomb, await hostileEaps['a bomb in a file']())
  const peakKilobytes = process.resourceUsage().maxRSS
  expect(await readAppPackage(path)).toMatchObject({ appId: 'large', versionName: '1.0.0' })
  await expect(readAppPackage(bomb)).rejects.toMatchObject({ code: 'too-complex' })
  expect(process.resourceUsage().maxRSS - peakKilobytes).toBeLessThan(64 * 1024)
})

test.each([
  ['an empty file', ''],
  ['a text', 'this is no package'.repeat(100)],
  ['the beginning of a gzip file', '\x1f\x8b\x08\0\0\0\0\0'],
])('%s is not a package', async (_what, bytes) => {
  const path = join(folder, 'other')
  await writeFile(path, bytes, 'latin1')
  await expect(readAppPackage(path)).rejects.toMatchObject({ name: 'PackageError', code: 'not-a-package' })
})

test('a folder is not a package', async () => {
  await expect(readAppPackage(folder)).rejects.toMatchObject({ code: 'not-a-package' })
})

test('a file that is not there is the system error, not a bad package', async () => {
  await expect(readAppPackage(join(folder, 'absent.apk'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('reading ends at the timeout', async () => {
  const path = join(folder, 'slow.apk')
  await writeFile(path, await buildApk({ ...signer, appId: 'com.example.slow' }))
  await expect(readAppPackage(path, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'timeout' })
})

test('reading ends when aborted', async () => {
  const path = join(folder, 'aborted.apk')
  await writeFile(path, await buildApk({ ...signer, appId: 'com.example.aborted' }))
  const controller = new AbortController()
  const reading = readAppPackage(path, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(reading).rejects.toThrow('enough')
})
