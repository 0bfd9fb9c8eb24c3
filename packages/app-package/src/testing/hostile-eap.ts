import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { buildEap, type EapEntry, packEap } from './build-eap.ts'
import { eapTrailer } from './eap-trailer.ts'

const app = { appId: 'hostile' }
const block = 512
/** A hundred zeros would do; this is what a bomb of a few kilobytes becomes when nobody looks. */
const bombBytes = 64 * 1024 * 1024

const archive = (...entries: EapEntry[]) => buffer(packEap({ ...app, entries }))
const withEntries = (...entries: EapEntry[]) => buildEap({ ...app, entries })
/** The archive without the blocks of zeros that end it. */
const open = (tar: Buffer) => tar.subarray(0, tar.length - 2 * block)

/** Packages that must be refused, by what is wrong with them. */
export const hostileEaps = {
  'a bomb in a file': () => withEntries({ name: 'zeros', bytes: Buffer.alloc(bombBytes) }),
  'a bomb behind the end': async () => gzipSync(Buffer.concat([await archive(), Buffer.alloc(bombBytes)])),
  'too many entries': async () => {
    const header = (await archive({ name: 'x' })).subarray(-3 * block, -2 * block)
    const names = Array.from({ length: 10_001 }, (_, index) => renamed(header, `n${index}`))
    return gzipSync(Buffer.concat([open(await archive()), ...names, Buffer.alloc(2 * block)]))
  },
  'a name above the folder': () => withEntries({ name: '../evil' }),
  'a name above the folder, later in it': () => withEntries({ name: 'html/../../evil' }),
  'a name from the root': () => withEntries({ name: '/etc/passwd' }),
  'a name with a backslash': () => withEntries({ name: '..\\evil' }),
  'a name with a line break': () => withEntries({ name: 'a\nb' }),
  'a name that is too long': () => withEntries({ name: 'n'.repeat(600) }),
  'folders that lie too deep': () => withEntries({ name: 'a/'.repeat(40) }),
  'a link out of the package': () => withEntries({ name: 'lib/x.so', type: 'symlink', linkname: '../../etc/passwd' }),
  'a link to the root': () => withEntries({ name: 'x', type: 'symlink', linkname: '/etc' }),
  'a link that goes up on its way': () => withEntries({ name: 'x', type: 'symlink', linkname: 'lib/../../etc' }),
  'a file behind a link': () =>
    withEntries({ name: 'lib', type: 'symlink', linkname: 'html' }, { name: 'lib/x', bytes: Buffer.from('x') }),
  'a folder that becomes a link': () =>
    withEntries({ name: 'lib/x', bytes: Buffer.from('x') }, { name: 'lib', type: 'symlink', linkname: 'html' }),
  'a hard link': () => withEntries({ name: 'x', type: 'link', linkname: 'package.conf' }),
  'a block device': () => withEntries({ name: 'x', type: 'block-device' }),
  'a character device': () => withEntries({ name: 'x', type: 'character-device' }),
  'a named pipe': () => withEntries({ name: 'x', type: 'fifo' }),
  'two manifests': () => withEntries({ name: 'manifest.json', bytes: Buffer.from('{}') }),
  'two manifests, one of them ./': () => withEntries({ name: './manifest.json', bytes: Buffer.from('{}') }),
  'two of another file': () => withEntries({ name: 'LICENSE', bytes: Buffer.from('x') }),
  'a manifest that is a link': () =>
    buildEap({ ...app, schema: null, entries: [{ name: 'manifest.json', type: 'symlink', linkname: 'LICENSE' }] }),
  'a manifest of two megabytes': () => buildEap({ ...app, manifest: ' '.repeat(2 * 1024 * 1024) }),
  'a manifest behind the end': async () => {
    const hidden = open(await archive({ name: 'hidden', bytes: Buffer.from('x') })).subarray(-2 * block)
    return gzipSync(Buffer.concat([await archive(), hidden, Buffer.alloc(2 * block)]))
  },
  'a manifest of another app than package.conf': () =>
    buildEap({
      ...app,
      manifest: '{"schemaVersion":"1.3","acapPackageConf":{"setup":{"appName":"other","version":"1.0.0"}}}',
    }),
  'an archive without descriptions': () => buffer(packEap(app)).then(() => gzipSync(Buffer.alloc(2 * block))),
  'an archive that ends in a file': async () =>
    gzipSync((await archive({ name: 'x', bytes: Buffer.alloc(5000) })).subarray(0, -3000)),
  'an archive without end': async () => gzipSync(open(await archive())),
  'a wrong checksum in a header': async () => {
    const tar = await archive()
    tar.writeUInt8(tar.readUInt8(1) ^ 1, 1)
    return gzipSync(tar)
  },
  'a size that is no number': async () => gzipSync(resized(await archive(), 'zzzzzzzzzzz\0')),
  'a size of eight gigabytes': async () => gzipSync(resized(await archive(), '77777777777\0')),
  'a long name of a gigabyte': async () => {
    const header = resized(renamed((await archive()).subarray(0, block), 'long'), '10000000000\0', 'L')
    return gzipSync(Buffer.concat([header, await archive()]))
  },
  'a file that ends early': async () => (await buildEap({ ...app, padBytes: 5000 })).subarray(0, -1000),
  'a checksum that is wrong': async () => {
    const bytes = await buildEap(app)
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 8) ^ 1, bytes.length - 8)
    return bytes
  },
  'bytes behind the end': async () => Buffer.concat([await buildEap(app), Buffer.from('more')]),
  'a second archive behind the first': async () =>
    Buffer.concat([await buildEap(app), await buildEap({ appId: 'other' })]),
  'a signature that is none': async () => {
    const payload = await buildEap(app)
    const trailer = eapTrailer(payload)
    trailer.fill('-', 0, 40)
    return Buffer.concat([payload, trailer])
  },
  'a signature longer than the file': async () => {
    const payload = await buildEap(app)
    const trailer = eapTrailer(payload)
    trailer.writeUInt32BE(0xffffffff, trailer.length - 16)
    return Buffer.concat([payload, trailer])
  },
  'a signature of another version': async () => {
    const payload = await buildEap(app)
    const trailer = eapTrailer(payload)
    trailer.writeUInt32BE(2, trailer.length - 12)
    return Buffer.concat([payload, trailer])
  },
  'bytes before the signature': async () => {
    const payload = Buffer.concat([await buildEap(app), Buffer.from('more')])
    return Buffer.concat([payload, eapTrailer(payload)])
  },
} satisfies Record<string, () => Promise<Buffer>>

function renamed(header: Buffer, name: string): Buffer {
  const copy = Buffer.from(header)
  copy.fill(0, 0, 100).write(name)
  return summed(copy)
}

/** The first header of an archive with another size field, and another type when one is given. */
function resized(tar: Buffer, size: string, type?: string): Buffer {
  const copy = Buffer.from(tar)
  copy.write(size, 124, 'latin1')
  if (type !== undefined) copy.write(type, 156)
  return Buffer.concat([summed(copy.subarray(0, block)), copy.subarray(block)])
}

function summed(header: Buffer): Buffer {
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}
