import { createWriteStream } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type Pack, pack } from 'tar-stream'
import {
  describeEapManifest,
  describePackageConf,
  describeParamConf,
  type EapDescription,
  type ManifestSchema,
} from './eap-manifest.ts'
import { type EapSigning, eapTrailer } from './eap-trailer.ts'
import { padding } from './padding.ts'

export interface EapOptions extends EapDescription {
  /** Version of manifest.json, `1.3` by default; null for a package with package.conf only. */
  schema?: ManifestSchema | null
  /** Whether package.conf is there beside the manifest; it is by default. */
  packageConf?: boolean
  /** Ends with a signature; not by default. */
  signed?: boolean | EapSigning
  /** Bytes of incompressible data added as `padding.bin`; 0 by default. */
  padBytes?: number
  /** Further entries, as tar-stream takes them. */
  entries?: readonly EapEntry[]
  /** Taken as it is instead of a described manifest. */
  manifest?: string
}

export interface EapEntry {
  name: string
  type?: 'file' | 'directory' | 'symlink' | 'link' | 'block-device' | 'character-device' | 'fifo'
  linkname?: string
  bytes?: Buffer
}

const mtime = new Date(Date.UTC(2020, 0, 1))

/** Makes a small .eap in memory. */
export async function buildEap(options: EapOptions): Promise<Buffer> {
  const payload = await buffer(packEap(options).pipe(createGzip()))
  return sign(payload, options)
}

/** Writes an .eap to `path`, replacing what is there. Memory stays small however large `padBytes` is, unless signed. */
export async function writeEap(path: string, options: EapOptions): Promise<void> {
  await pipeline(packEap(options), createGzip({ level: 1 }), createWriteStream(path))
  const { signed = false } = options
  if (signed !== false) await appendFile(path, eapTrailer(await readFile(path), signed === true ? {} : signed))
}

export function sign(payload: Buffer, { signed = false }: Pick<EapOptions, 'signed'>): Buffer {
  if (signed === false) return payload
  return Buffer.concat([payload, eapTrailer(payload, signed === true ? {} : signed)])
}

/** The archive itself, before it is compressed. */
export function packEap(options: EapOptions): Readable {
  const { appId, schema = '1.3', packageConf = true, padBytes = 0, entries = [] } = options
  const archive = pack()
  const add = (name: string, text: string | Buffer, mode = 0o644) => archive.entry({ name, mode, mtime }, text)
  add(appId, Buffer.from('\x7fELF'), 0o755)
  if (packageConf || schema === null) add('package.conf', describePackageConf(options))
  add('param.conf', describeParamConf(options))
  add('LICENSE', 'Example\n')
  if (schema !== null || options.manifest !== undefined) {
    const described = schema === null ? {} : describeEapManifest(options, schema)
    add('manifest.json', options.manifest ?? JSON.stringify(described, null, 2), 0o600)
  }
  for (const entry of entries) addEntry(archive, entry)
  if (padBytes > 0) {
    const entry = archive.entry({ name: 'padding.bin', size: padBytes, mtime }, () => archive.finalize())
    Readable.from(padding(padBytes)).pipe(entry)
  } else {
    archive.finalize()
  }
  return Readable.from(archive)
}

function addEntry(archive: Pack, { name, type = 'file', linkname, bytes = Buffer.alloc(0) }: EapEntry): void {
  if (type === 'file') archive.entry({ name, mtime }, bytes)
  else archive.entry({ name, type, linkname, mtime })
}
