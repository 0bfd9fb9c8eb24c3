import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { createBufferSource, createFileSource } from '../byte-source.ts'
import { writeBinaryXml } from './binary-xml-writer.ts'
import { describeManifest, type ManifestOptions } from './manifest-writer.ts'
import { padding } from './padding.ts'
import { type Scheme, signApk } from './sign-apk.ts'
import type { ApkSigner } from './signer-key.ts'

export interface ApkOptions extends ManifestOptions, ApkSigner {
  /** One small library each, such as `arm64-v8a`; none by default. */
  architectures?: readonly string[]
  /** Bytes of stored, incompressible data added as `assets/padding.bin`; 0 by default. */
  padBytes?: number
  /** `['v2']` by default; an empty list leaves the package unsigned. */
  schemes?: readonly Scheme[]
  /** Keys that this one came after, oldest first (`signApk`), and what they may still do. */
  earlier?: readonly ApkSigner[]
  capabilities?: number
  /** Signature algorithm ids of APK Signature Scheme v2; by default the usual one for the type of key. */
  algorithms?: readonly number[]
  /** Taken as it is instead of a compiled manifest. */
  manifest?: Buffer
  /** Further entries. */
  entries?: readonly { name: string; bytes: Buffer }[]
}

const mtime = new Date(Date.UTC(2020, 0, 1))
/** Each deflated entry costs a millisecond, which counts where there are 60,000. */
const minCompressedBytes = 100

/** Makes a small signed package in memory. */
export async function buildApk(options: ApkOptions): Promise<Buffer> {
  const zip = await buffer(zipEntries(options))
  const { schemes = ['v2'] } = options
  if (schemes.length === 0) return zip
  const tail = await signApk(createBufferSource(zip), { ...options, schemes })
  return Buffer.concat([zip.subarray(0, tail.offset), tail.bytes])
}

/** Writes a signed package to `path`, replacing what is there. Memory stays small however large `padBytes` is. */
export async function writeApk(path: string, options: ApkOptions): Promise<void> {
  await pipeline(zipEntries(options), createWriteStream(path))
  const { schemes = ['v2'] } = options
  if (schemes.length === 0) return
  await using handle = await open(path, 'r+')
  const { size } = await handle.stat()
  const tail = await signApk(createFileSource(handle, size), { ...options, schemes })
  await handle.write(tail.bytes, 0, tail.bytes.length, tail.offset)
}

function zipEntries(options: ApkOptions): Readable {
  const { architectures = [], padBytes = 0, entries = [] } = options
  const zip = new ZipFile()
  const manifest = options.manifest ?? writeBinaryXml(describeManifest(options))
  zip.addBuffer(manifest, 'AndroidManifest.xml', { mtime })
  zip.addBuffer(Buffer.from('dex\n035\0'), 'classes.dex', { mtime })
  for (const name of architectures) zip.addBuffer(Buffer.from('\x7fELF'), `lib/${name}/libapp.so`, { mtime })
  for (const { name, bytes } of entries) {
    zip.addBuffer(bytes, name, { mtime, compress: bytes.length >= minCompressedBytes })
  }
  if (padBytes > 0) {
    zip.addReadStreamLazy('assets/padding.bin', { mtime, compress: false, size: padBytes }, (callback) =>
      callback(null, Readable.from(padding(padBytes))),
    )
  }
  zip.end()
  return zip.outputStream
}
