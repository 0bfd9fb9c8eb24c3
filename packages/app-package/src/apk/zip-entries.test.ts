import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createBufferSource } from '../byte-source.ts'
import { buildApk, generateSigner } from '../testing/index.ts'
import { joinSigningBlock, joinTail, readTail } from '../testing/sign-apk.ts'
import { readSigningBlock } from './signing-block.ts'
import { type ApkEntries, readApkEntries } from './zip-entries.ts'
import { findZipSections } from './zip-sections.ts'

const signer = await generateSigner()
const manifestName = 'AndroidManifest.xml'
const plain = { ...signer, appId: 'com.example.zip', schemes: [] }
const zip = await buildApk({ ...plain, architectures: ['x86'] })

async function read(bytes: Buffer): Promise<ApkEntries> {
  const source = createBufferSource(bytes)
  const sections = await findZipSections(source)
  const block = await readSigningBlock(source, sections)
  return readApkEntries(source, sections, block?.offset ?? sections.directoryOffset)
}

/** Offsets of the two headers of an entry. */
function headersOf(bytes: Buffer, name: string): { local: number; central: number } {
  const nameAt = bytes.lastIndexOf(name)
  const central = nameAt - 46
  return { central, local: bytes.readUInt32LE(central + 42) }
}

function patched(bytes: Buffer, patch: (copy: Buffer, at: { local: number; central: number; end: number }) => void) {
  const copy = Buffer.from(bytes)
  patch(copy, { ...headersOf(copy, manifestName), end: copy.length - 22 })
  return copy
}

test('manifest and architectures come out of the directory', async () => {
  const entries = await read(zip)
  expect(entries).toMatchObject({ architectures: ['x86'], hasJarSignature: false })
  expect(entries.manifest.readUInt16LE(0)).toBe(3)
})

test('only libraries directly under lib/<architecture> name an architecture', async () => {
  const names = [
    'lib/arm64-v8a/notes.txt',
    'lib/x86/deep/libx.so',
    'libx/mips/libx.so',
    'lib/a b/libx.so',
    'lib/libx.so',
  ]
  const entries = [...names, 'lib/x86_64/libx.so'].map((name) => ({ name, bytes: Buffer.of(1) }))
  expect((await read(await buildApk({ ...plain, entries }))).architectures).toEqual(['x86_64'])
})

test.each(['META-INF/CERT.RSA', 'META-INF/CERT.DSA', 'META-INF/a.EC'])('%s is a JAR signature', async (name) => {
  const bytes = await buildApk({ ...plain, entries: [{ name, bytes: Buffer.of(1) }] })
  expect((await read(bytes)).hasJarSignature).toBe(true)
})

test('a comment at the end is allowed', async () => {
  const comment = Buffer.from('a comment')
  const bytes = Buffer.concat([zip, comment])
  bytes.writeUInt16LE(comment.length, zip.length - 2)
  expect((await read(bytes)).architectures).toEqual(['x86'])
})

describe('hostile ZIP files', () => {
  test.each([
    ['another comment length', (copy: Buffer, { end }) => copy.writeUInt16LE(1, end + 20)],
    ['fewer entries on this disk', (copy, { end }) => copy.writeUInt16LE(1, end + 8)],
    ['another disk', (copy, { end }) => copy.writeUInt16LE(1, end + 4)],
    ['its directory on another disk', (copy, { end }) => copy.writeUInt16LE(1, end + 6)],
    ['a directory elsewhere', (copy, { end }) => copy.writeUInt32LE(4, end + 16)],
    ['a directory of another size', (copy, { end }) => copy.writeUInt32LE(4, end + 12)],
    ['a directory that begins before the file', (copy, { end }) => copy.writeUInt32LE(0xffffffff, end + 12)],
    ['an entry too few', (copy, { end }) => countEntries(copy, end, -1)],
    ['an entry too many', (copy, { end }) => countEntries(copy, end, 1)],
    ['a broken central header', (copy, { central }) => copy.writeUInt32LE(0, central)],
    ['a broken local header', (copy, { local }) => copy.writeUInt32LE(0, local)],
    ['a manifest past the end', (copy, { central }) => copy.writeUInt32LE(0x7fffffff, central + 42)],
    ['a manifest that is elsewhere too large', (copy, { central }) => copy.writeUInt32LE(100_000, central + 20)],
    ['another name in the local header', (copy, { local }) => copy.write('B', local + 30)],
    ['another method in the local header', (copy, { local }) => copy.writeUInt16LE(0, local + 8)],
    ['an encrypted manifest', (copy, { central }) => copy.writeUInt16LE(0x0801, central + 8)],
    ['a strongly encrypted manifest', (copy, { central }) => copy.writeUInt16LE(0x0840, central + 8)],
    [
      'an unknown method',
      (copy, { central, local }) => {
        copy.writeUInt16LE(12, central + 10)
        copy.writeUInt16LE(12, local + 8)
      },
    ],
    ['a wrong checksum', (copy, { central }) => copy.writeUInt32LE(1, central + 16)],
    ['a manifest larger than it says', (copy, { central }) => copy.writeUInt32LE(10, central + 24)],
    ['a manifest smaller than it says', (copy, { central }) => copy.writeUInt32LE(100_000, central + 24)],
    ['data that are no deflate stream', (copy, { local }) => copy.fill(0xff, local + 49, local + 80)],
  ] satisfies [string, (copy: Buffer, at: { local: number; central: number; end: number }) => unknown][])(
    'a file with %s is refused',
    async (_what, patch) => {
      await expect(read(patched(zip, patch))).rejects.toMatchObject({ name: 'PackageError', code: 'not-a-package' })
    },
  )

  test('ZIP64 is refused', async () => {
    const locator = Buffer.alloc(20)
    locator.writeUInt32LE(0x07064b50, 0)
    const bytes = Buffer.concat([zip.subarray(0, -22), locator, zip.subarray(-22)])
    await expect(read(bytes)).rejects.toThrow(/ZIP64/)
  })

  test('no manifest, and two of them, are refused', async () => {
    const none = patched(zip, (copy, { local, central }) => {
      copy.write('B', local + 30)
      copy.write('B', central + 46)
    })
    await expect(read(none)).rejects.toThrow(/no AndroidManifest/)
    const two = await buildApk({ ...plain, entries: [{ name: manifestName, bytes: Buffer.of(1) }] })
    await expect(read(two)).rejects.toThrow(/two entries "AndroidManifest/)
  })

  test('an Info-ZIP Unicode name, which Android does not read, makes no second manifest', async () => {
    const decoy = 'decoy.xml'
    const bytes = await buildApk({ ...plain, entries: [{ name: decoy, bytes: Buffer.of(1) }] })
    const { central } = headersOf(bytes, decoy)
    const nameEnd = central + 46 + decoy.length
    const field = Buffer.concat([Buffer.alloc(9), Buffer.from(manifestName)])
    field.writeUInt16LE(0x7075, 0)
    field.writeUInt16LE(field.length - 4, 2)
    field.writeUInt8(1, 4)
    field.writeUInt32LE(crc32(decoy), 5)
    const renamed = Buffer.concat([bytes.subarray(0, nameEnd), field, bytes.subarray(nameEnd)])
    renamed.writeUInt16LE(renamed.readUInt16LE(central + 30) + field.length, central + 30)
    const end = renamed.length - 22
    renamed.writeUInt32LE(renamed.readUInt32LE(end + 12) + field.length, end + 12)
    expect((await read(renamed)).manifest).toEqual((await read(bytes)).manifest)
  })

  test('a bomb is refused, whether it is honest about its size or not', async () => {
    const bomb = await buildApk({ ...plain, manifest: Buffer.alloc(64 * 1024 * 1024) })
    await expect(read(bomb)).rejects.toMatchObject({ code: 'too-complex' })
    const liar = patched(bomb, (copy, { central }) => copy.writeUInt32LE(1000, central + 24))
    await expect(read(liar)).rejects.toThrow(/cannot be decompressed to the size it names/)
  })

  test('more architectures than exist are refused', async () => {
    const architectures = Array.from({ length: 33 }, (_, index) => `cpu${index}`)
    await expect(read(await buildApk({ ...plain, architectures }))).rejects.toMatchObject({ code: 'too-complex' })
  })

  test('two entries of one name are refused, as Android refuses them', async () => {
    const entries = [1, 2].map((byte) => ({ name: 'assets/twice', bytes: Buffer.of(byte) }))
    await expect(read(await buildApk({ ...plain, entries }))).rejects.toThrow(/two entries "assets\/twice"/)
  })

  test('an entry of the directory that lies in the signing block is refused, not the manifest alone', async () => {
    const { central } = headersOf(zip, 'classes.dex')
    const { entriesEnd, directory, endRecord } = await readTail(createBufferSource(zip))
    const moved = Buffer.from(directory)
    moved.writeUInt32LE(entriesEnd - 20, central - entriesEnd + 42)
    const block = joinSigningBlock([{ id: 0x12345678, value: Buffer.alloc(100) }])
    const tail = joinTail({ entriesEnd, block, directory: moved, endRecord })
    const bytes = Buffer.concat([zip.subarray(0, entriesEnd), tail])
    await expect(read(bytes)).rejects.toThrow(/"classes.dex" reaches past the end of the entries/)
  })

  test('a manifest hidden in the signing block, which no digest covers, is refused', async () => {
    const { local, central } = headersOf(zip, manifestName)
    const size = zip.readUInt32LE(central + 20)
    const hidden = zip.subarray(local, local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28) + size)
    const { entriesEnd, directory, endRecord } = await readTail(createBufferSource(zip))
    const block = joinSigningBlock([{ id: 0x12345678, value: Buffer.from(hidden) }])
    const moved = Buffer.from(directory)
    moved.writeUInt32LE(entriesEnd + 8 + 12, central - entriesEnd + 42)
    const entries = zip.subarray(0, entriesEnd)
    const honest = Buffer.concat([entries, joinTail({ entriesEnd, block, directory, endRecord })])
    expect((await read(honest)).architectures).toEqual(['x86'])
    const bytes = Buffer.concat([entries, joinTail({ entriesEnd, block, directory: moved, endRecord })])
    await expect(read(bytes)).rejects.toThrow(/past the end of the entries/)
  })
})

test('as many entries as a ZIP file can name are read in seconds', async () => {
  const entries = Array.from({ length: 65_000 }, (_, index) => ({ name: `r/${index}`, bytes: Buffer.of(1) }))
  const bytes = await buildApk({ ...plain, entries })
  const startedAt = performance.now()
  expect((await read(bytes)).architectures).toEqual([])
  expect(performance.now() - startedAt).toBeLessThan(5000)
}, 60_000)

function countEntries(copy: Buffer, end: number, by: number): void {
  const count = copy.readUInt16LE(end + 10) + by
  copy.writeUInt16LE(count, end + 8)
  copy.writeUInt16LE(count, end + 10)
}
