import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type BundleClaims, type PublicLicenseKey, verifyBundle } from '@ocelli/license'
import { extract, pack } from 'tar-stream'
import { OfflineError } from './offline-error.ts'

const manifestName = 'manifest.jws'
const certificateName = 'key-certificate.jws'
const packageName = /^packages\/([0-9a-f]{64})$/

// The manifest's own bound (packages/license) and that of a key certificate, with room for a line end.
const maxManifestBytes = 32 * 1024 * 1024 + 2
const maxCertificateBytes = 4 * 1024 + 2

type Entry = ReturnType<typeof extract> extends AsyncIterable<infer One> ? One : never

/** A bundle whose manifest, licenses and packages have been verified. */
export interface OpenBundle {
  claims: BundleClaims
  /** Verifies the licenses in it. */
  root: PublicLicenseKey
  /** `clock-unreliable`: the end of the bundle could not be judged, as the clock is before its beginning. */
  clock: 'ok' | 'clock-unreliable'
  /** Where a package of the manifest lies. */
  packagePath(sha256: string): string
}

export interface BundleContent {
  manifest: string
  keyCertificate: string
  packages: { sha256: string; size: number; path: string }[]
}

/** Writes a bundle: a tar with manifest first, so that a reader knows what to expect. Whole or not at all. */
export async function writeBundle(path: string, content: BundleContent, signal: AbortSignal): Promise<void> {
  const part = `${path}.part`
  const archive = pack()
  const fill = async () => {
    archive.entry({ name: manifestName, mode: 0o644 }, content.manifest)
    archive.entry({ name: certificateName, mode: 0o644 }, content.keyCertificate)
    for (const { sha256, size, path: source } of content.packages) {
      const entry = archive.entry({ name: `packages/${sha256}`, size, mode: 0o644 })
      await pipeline(createReadStream(source), entry, { signal })
    }
    archive.finalize()
  }
  try {
    const filling = fill().catch((error: unknown) => {
      archive.destroy(error instanceof Error ? error : new Error(String(error)))
      throw error
    })
    await Promise.all([filling, pipeline(archive, createWriteStream(part), { signal })])
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/**
 * Opens a bundle and unpacks its packages into `folder`. `rootThumbprint` must come from elsewhere than the bundle. Throws
 * OfflineError for a bundle that is damaged, changed, expired, or of another platform; then nothing of it is left.
 */
export async function openBundle(
  path: string,
  options: { rootThumbprint: string; now: Date; folder: string; signal: AbortSignal },
): Promise<OpenBundle> {
  const { folder, signal } = options
  await mkdir(folder, { recursive: true })
  const archive = extract()
  const feeding = pipeline(createReadStream(path), archive, { signal })
  // whoever reads the entries sees the same failure; this keeps it from going unhandled
  feeding.catch(() => {})
  try {
    const bundle = await readEntries(archive, options)
    await feeding
    return bundle
  } catch (error) {
    archive.destroy()
    await rm(folder, { recursive: true, force: true })
    signal.throwIfAborted()
    if (error instanceof OfflineError || isFileError(error)) throw error
    throw damaged('It is not a whole archive.', error)
  }
}

async function readEntries(
  archive: AsyncIterable<Entry>,
  { rootThumbprint, now, folder, signal }: { rootThumbprint: string; now: Date; folder: string; signal: AbortSignal },
): Promise<OpenBundle> {
  let manifest: string | null = null
  let verified: Omit<OpenBundle, 'packagePath'> | null = null
  const missing = new Map<string, number>()
  for await (const entry of archive) {
    const { name, type, size = 0 } = entry.header
    if (type !== 'file') throw damaged(`The entry ${printable(name)} is no file.`)
    if (manifest === null) {
      if (name !== manifestName) throw damaged('It does not begin with its manifest.')
      manifest = await readText(entry, maxManifestBytes)
    } else if (verified === null) {
      if (name !== certificateName) throw damaged('Its key certificate is missing.')
      const keyCertificate = await readText(entry, maxCertificateBytes)
      verified = await verify(manifest, { keyCertificate, rootThumbprint, now })
      for (const { sha256, size: bytes } of verified.claims.packages) missing.set(sha256, bytes)
    } else {
      const sha256 = packageName.exec(name)?.[1]
      const expected = sha256 === undefined ? undefined : missing.get(sha256)
      if (sha256 === undefined || expected === undefined) {
        throw damaged(`The manifest knows nothing of ${printable(name)}.`)
      }
      if (size !== expected) throw damaged(`The package ${sha256} has ${size} bytes, not ${expected}.`)
      await unpack(entry, { path: join(folder, sha256), sha256, signal })
      missing.delete(sha256)
    }
  }
  if (verified === null) throw damaged('It ends before its key certificate.')
  const [absent] = missing.keys()
  if (absent !== undefined) throw damaged(`The package ${absent} is missing.`)
  return { ...verified, packagePath: (sha256) => join(folder, sha256) }
}

async function verify(
  manifest: string,
  options: { keyCertificate: string; rootThumbprint: string; now: Date },
): Promise<Omit<OpenBundle, 'packagePath'>> {
  const judged = await verifyBundle(manifest.trim(), { ...options, keyCertificate: options.keyCertificate.trim() })
  if (judged.valid) return { claims: judged.claims, root: judged.root, clock: judged.clock }
  switch (judged.reason) {
    case 'expired':
      throw new OfflineError('bundle-expired', `${judged.detail} Make a new one with \`ocelli offline bundle\`.`)
    case 'unknown-key':
      throw new OfflineError(
        'bundle-unknown-key',
        `${judged.detail} Compare the fingerprint with what \`ocelli-platform keys show\` prints there.`,
      )
    case 'damaged':
      throw damaged(judged.detail)
  }
}

async function unpack(
  entry: Entry,
  { path, sha256, signal }: { path: string; sha256: string; signal: AbortSignal },
): Promise<void> {
  const hash = createHash('sha256')
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(entry, tap, createWriteStream(path), { signal })
  if (hash.digest('hex') !== sha256) throw damaged(`The package ${sha256} was changed.`)
}

async function readText(entry: Entry, maxBytes: number): Promise<string> {
  if ((entry.header.size ?? 0) > maxBytes) throw damaged(`${printable(entry.header.name)} is longer than it may be.`)
  const chunks: Buffer[] = []
  for await (const chunk of entry) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}

const printable = (name: string): string => JSON.stringify(name.slice(0, 100))

const damaged = (detail: string, cause?: unknown): OfflineError =>
  new OfflineError('bundle-damaged', `The bundle is damaged. ${detail} Copy it again, or make a new one.`, { cause })

/** Errors of the file system carry a path and say enough. */
const isFileError = (error: unknown): boolean =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string'
