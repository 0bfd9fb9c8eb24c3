import { constants, createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { ByteSource } from '../byte-source.ts'
import { lineageAttribute, usualCapabilities } from './lineage.ts'
import { prefixed, sequence, u32, u64 } from './little-endian.ts'
import type { ApkSigner } from './signer-key.ts'

export type Scheme = 'v2' | 'v3' | 'v3.1'

export interface SignOptions extends ApkSigner {
  schemes: readonly Scheme[]
  /** Signature algorithm ids; by default the usual one with SHA-256 for the type of key. */
  algorithms?: readonly number[]
  /**
   * Keys of type `ec` that this one came after, oldest first. As apksigner does, v2 is signed by the oldest, and with v3.1
   * v3 is too.
   */
  earlier?: readonly ApkSigner[]
  /** Of the earlier keys; all but the way back by default. */
  capabilities?: number
}

/** What follows the entries of a signed package: signing block, directory, end record; to be written at `offset`. */
export interface SignedTail {
  offset: number
  bytes: Buffer
}

/** The pieces of one signer before they are joined. Tests of the verifier change one and sign or not sign again. */
export interface SignerParts {
  /** By algorithm id; the same ids sign unless `signatureIds` names others. */
  digests: [number, Buffer][]
  signatureIds?: number[]
  /** v3 and v3.1: API levels, Android 9 (28) and all later ones by default. */
  range?: readonly [number, number]
  /** Those written beside the signed ones; the same unless given. */
  unsignedRange?: readonly [number, number]
  certificates: Buffer[]
  attributes: Buffer[]
  publicKey: Buffer
}

type Hash = 'sha256' | 'sha512'
const chunkSize = 1024 * 1024
const maxLevel = 0x7fffffff
const v31Level = 33
export const schemeIds = { v2: 0x7109871a, v3: 0xf05368c0, 'v3.1': 0x1b93ad61 }
const rsaPss = (saltLength: number) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
const signatureAlgorithms = new Map<number, { hash: Hash; options: object }>([
  [0x0101, { hash: 'sha256', options: rsaPss(32) }],
  [0x0102, { hash: 'sha512', options: rsaPss(64) }],
  [0x0103, { hash: 'sha256', options: {} }],
  [0x0104, { hash: 'sha512', options: {} }],
  [0x0201, { hash: 'sha256', options: {} }],
  [0x0202, { hash: 'sha512', options: {} }],
  [0x0301, { hash: 'sha256', options: {} }],
  // ECDSA over a tree of hashes. It signs alike; the digest made here is not the tree, which no verifier of ours reads.
  [0x0423, { hash: 'sha256', options: {} }],
])
const usualAlgorithms: Record<string, number> = { rsa: 0x0103, ec: 0x0201, dsa: 0x0301 }

/** Signs a ZIP file (no comment after its end record) with APK Signature Schemes v2, v3 and v3.1, or some of them. */
export async function signApk(source: ByteSource, options: SignOptions): Promise<SignedTail> {
  const { entriesEnd, directory, endRecord } = await readTail(source)
  const { schemes, earlier = [], capabilities = usualCapabilities } = options
  const [oldest] = earlier
  const isNewest = (scheme: Scheme) => scheme === 'v3.1' || (scheme === 'v3' && !schemes.includes('v3.1'))
  const lineage = [...earlier.map((signer) => ({ signer, capabilities })), { signer: options }]
  const pairs: { id: number; value: Buffer }[] = []
  for (const scheme of schemes) {
    const signer = isNewest(scheme) ? options : (oldest ?? options)
    const attributes = isNewest(scheme) && oldest !== undefined ? [lineageAttribute(lineage)] : []
    const parts = await describeSigner(source, { ...options, ...signer })
    const range = [scheme === 'v3.1' ? v31Level : 28, maxLevel] as const
    const own = { ...parts, range, attributes: [...attributes, ...namesOfNewer(scheme, schemes)] }
    pairs.push({ id: schemeIds[scheme], value: joinSigners([joinSigner(scheme, signer.key, own)]) })
  }
  const block = joinSigningBlock(pairs)
  return { offset: entriesEnd, bytes: joinTail({ entriesEnd, block, directory, endRecord }) }
}

/** Stripping protection: signed data name the newer scheme where there is one. */
function namesOfNewer(scheme: Scheme, schemes: readonly Scheme[]): Buffer[] {
  if (scheme === 'v2' && schemes.includes('v3')) return [Buffer.concat([u32(0xbeeff00d), u32(3)])]
  if (scheme === 'v3' && schemes.includes('v3.1')) return [Buffer.concat([u32(0x559f8b02), u32(v31Level)])]
  return []
}

/** Digests, certificate and public key of a signer, as `signApk` would use them. */
export async function describeSigner(source: ByteSource, options: SignOptions): Promise<SignerParts> {
  const { key, certificate } = options
  const algorithms = options.algorithms ?? [usualAlgorithms[key.asymmetricKeyType ?? ''] ?? 0]
  const digests: [number, Buffer][] = []
  for (const id of algorithms) digests.push([id, await digestApk(source, algorithmOf(id).hash)])
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return { digests, certificates: [certificate], attributes: [], publicKey }
}

export function joinSigner(scheme: Scheme, key: KeyObject, parts: SignerParts): Buffer {
  const { range = [28, maxLevel] } = parts
  const signedRange = scheme === 'v2' ? [] : range.map(u32)
  const unsignedRange = scheme === 'v2' ? [] : (parts.unsignedRange ?? range).map(u32)
  const signedData = Buffer.concat([
    sequence(parts.digests.map(([id, digest]) => Buffer.concat([u32(id), prefixed(digest)]))),
    sequence(parts.certificates),
    ...signedRange,
    sequence(parts.attributes),
  ])
  const ids = parts.signatureIds ?? parts.digests.map(([id]) => id)
  const signatures = ids.map((id) => Buffer.concat([u32(id), prefixed(signData(id, signedData, key))]))
  return Buffer.concat([prefixed(signedData), ...unsignedRange, sequence(signatures), prefixed(parts.publicKey)])
}

export function joinSigners(signers: Buffer[]): Buffer {
  return sequence(signers)
}

export function joinSigningBlock(pairs: { id: number; value: Buffer }[]): Buffer {
  const joined = pairs.map(({ id, value }) => Buffer.concat([u64(4 + value.length), u32(id), value]))
  const size = u64(joined.reduce((sum, pair) => sum + pair.length, 24))
  return Buffer.concat([size, ...joined, size, Buffer.from('APK Sig Block 42', 'latin1')])
}

/** Puts a signing block before the directory, whose offset in the end record moves by its size. */
export function joinTail(parts: { entriesEnd: number; block: Buffer; directory: Buffer; endRecord: Buffer }): Buffer {
  const endRecord = Buffer.from(parts.endRecord)
  endRecord.writeUInt32LE(parts.entriesEnd + parts.block.length, 16)
  return Buffer.concat([parts.block, parts.directory, endRecord])
}

export async function readTail(
  source: ByteSource,
): Promise<{ entriesEnd: number; directory: Buffer; endRecord: Buffer }> {
  const endRecord = await source.read(source.size - 22, 22)
  const entriesEnd = endRecord.readUInt32LE(16)
  return { entriesEnd, directory: await source.read(entriesEnd, endRecord.readUInt32LE(12)), endRecord }
}

async function digestApk(source: ByteSource, hash: Hash): Promise<Buffer> {
  const { entriesEnd, directory, endRecord } = await readTail(source)
  const digests: Buffer[] = []
  const add = (bytes: Buffer) =>
    digests.push(
      createHash(hash)
        .update(Buffer.concat([Buffer.of(0xa5), u32(bytes.length), bytes]))
        .digest(),
    )
  for (let at = 0; at < entriesEnd; at += chunkSize) add(await source.read(at, Math.min(chunkSize, entriesEnd - at)))
  for (let at = 0; at < directory.length; at += chunkSize) add(directory.subarray(at, at + chunkSize))
  add(endRecord)
  return createHash(hash)
    .update(Buffer.concat([Buffer.of(0x5a), u32(digests.length), ...digests]))
    .digest()
}

function signData(id: number, data: Buffer, key: KeyObject): Buffer {
  const { hash, options } = algorithmOf(id)
  return sign(hash, data, { key, ...options })
}

function algorithmOf(id: number): { hash: Hash; options: object } {
  const algorithm = signatureAlgorithms.get(id)
  if (algorithm === undefined) throw new TypeError(`The test signer does not know the algorithm ${id}.`)
  return algorithm
}
