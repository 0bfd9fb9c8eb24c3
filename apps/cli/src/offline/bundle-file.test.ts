import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pack } from 'tar-stream'
import { afterAll, expect, test } from 'vitest'
import { createOfflineFixture, issuedAt, now } from '../../test/offline-fixture.ts'
import { openBundle, writeBundle } from './bundle-file.ts'

const fixture = await createOfflineFixture()
afterAll(fixture.remove)
const { signal } = new AbortController()
let count = 0

async function writeOne(manifest?: string) {
  const path = join(fixture.folder, `bundle-${++count}.tar`)
  const content = {
    manifest: manifest ?? (await fixture.manifest(['CAM-1', 'CAM-2'])),
    keyCertificate: fixture.keyCertificate,
    packages: [fixture.package],
  }
  await writeBundle(path, content, signal)
  return path
}

const open = (path: string, options: { rootThumbprint?: string; at?: Date } = {}) =>
  openBundle(path, {
    rootThumbprint: options.rootThumbprint ?? fixture.root.kid,
    now: options.at ?? now,
    folder: `${path}.unpacked`,
    signal,
  })

test('a bundle comes back as it was written, with its packages', async () => {
  const path = await writeOne()
  const bundle = await open(path)
  expect(bundle.claims.licenses.map(({ deviceId }) => deviceId)).toEqual(['CAM-1', 'CAM-2'])
  expect(await readFile(bundle.packagePath(fixture.package.sha256))).toEqual(await readFile(fixture.package.path))
})

test('a bundle of another platform is refused, whatever keys it carries', async () => {
  const other = await createOfflineFixture()
  const path = await writeOne()
  await expect(open(path, { rootThumbprint: other.root.kid })).rejects.toMatchObject({ code: 'bundle-unknown-key' })
  await other.remove()
})

test('an expired bundle is refused', async () => {
  const at = new Date((issuedAt + 86_400) * 1000)
  await expect(open(await writeOne(), { at })).rejects.toMatchObject({ code: 'bundle-expired' })
})

test('a clock before the bundle cannot judge its end, and says so', async () => {
  expect((await open(await writeOne(), { at: new Date(0) })).clock).toBe('clock-unreliable')
})

test('any changed byte of the manifest, the certificate or a package is noticed, and nothing is left unpacked', async () => {
  const path = await writeOne()
  const bytes = await readFile(path)
  const manifestAt = bytes.indexOf('eyJ')
  const certificateAt = bytes.indexOf('eyJ', bytes.indexOf('key-certificate.jws'))
  const packageAt = bytes.indexOf('{"version"', certificateAt)
  for (const at of [manifestAt + 200, certificateAt + 200, packageAt + 100]) {
    const changed = Buffer.from(bytes)
    changed[at] = changed[at] === 0x41 ? 0x42 : 0x41
    const target = `${path}.${at}`
    await writeFile(target, changed)
    await expect(open(target), `byte ${at}`).rejects.toMatchObject({ code: 'bundle-damaged' })
    expect(existsSync(`${target}.unpacked`)).toBe(false)
  }
})

test('a bundle that was cut off anywhere is refused', async () => {
  const path = await writeOne()
  const bytes = await readFile(path)
  for (const share of [0, 0.01, 0.5, 0.99]) {
    const target = `${path}.cut-${share}`
    await writeFile(target, bytes.subarray(0, Math.floor((bytes.length - 1024) * share)))
    await expect(open(target), `${share}`).rejects.toMatchObject({ code: 'bundle-damaged' })
  }
})

test.each([
  ['a way out of the folder', [{ name: '../../outside' }]],
  ['a link', [{ name: 'packages/x', type: 'symlink' as const, linkname: '/etc/passwd' }]],
  ['a file that the manifest does not name', [{ name: `packages/${'0'.repeat(64)}` }]],
])('an archive with %s is refused', async (_what, entries) => {
  const path = join(fixture.folder, `hostile-${++count}.tar`)
  const archive = pack()
  archive.entry({ name: 'manifest.jws' }, await fixture.manifest(['CAM-1']))
  archive.entry({ name: 'key-certificate.jws' }, fixture.keyCertificate)
  for (const entry of entries) archive.entry(entry, 'type' in entry ? '' : 'hello')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  await writeFile(path, Buffer.concat(chunks))
  await expect(open(path)).rejects.toMatchObject({ code: 'bundle-damaged' })
  expect(existsSync(join(fixture.folder, '..', 'outside'))).toBe(false)
})

test('a bundle that cannot be written whole leaves no file', async () => {
  const path = join(fixture.folder, 'half.tar')
  const gone = { ...fixture.package, path: join(fixture.folder, 'gone.apk') }
  const content = {
    manifest: await fixture.manifest(['CAM-1']),
    keyCertificate: fixture.keyCertificate,
    packages: [gone],
  }
  await expect(writeBundle(path, content, signal)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(existsSync(path) || existsSync(`${path}.part`)).toBe(false)
})
