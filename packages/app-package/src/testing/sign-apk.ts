import { constants, createHash, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { ByteSource } from '../byte-source.ts'
import type { ApkSigner } from './signer-key.ts'

export type Scheme = 'v2' | 'v3'

export interface SignOptions extends ApkSigner {
  schemes: readonly Scheme[]
  /** Signature algorithm ids; by default the usual one with SHA-256 for the type of key. */
  algorithms?: readonly number[]
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
  /** v3: the platforms written beside the signed ones; the same unless given. */
  unsignedRange?: [number, number]
  certificates: Buffer[]
  attributes: Buffer[]
  publicKey: Buffer
}

type Hash = 'sha256' | 'sha512'
const chunkSize = 1024 * 1024
const maxLevel = 0x7fffffff
const schemeIds = { v2: 0x7109871a, v3: 0xf05368c0 }
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

/** Signs a ZIP file (no comment after its end record) with APK Signature Scheme v2, v3 or both. */
export async function signApk(source: ByteSource, options: SignOptions): Promise<SignedTail> {
  const { entriesEnd, directory, endRecord } = await readTail(source)
  const parts = await describeSigner(source, options)
  const withV3 = options.schemes.includes('v3')
  const pairs = options.schemes.map((scheme) => {
    // Stripping protection: v2 signed data name v3 (3) where there is one.
    const attributes = scheme === 'v2' && withV3 ? [Buffer.concat([u32(0xbeeff00d), u32(3)])] : []
    return { id: schemeIds[scheme], value: joinSigners([joinSigner(scheme, options.key, { ...parts, attributes })]) }
  })
  const block = joinSigningBlock(pairs)
  return { offset: entriesEnd, bytes: joinTail({ entriesEnd, block, directory, endRecord }) }
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
  // Android 9 (28) and all later ones.
  const signedRange = scheme === 'v3' ? [u32(28), u32(maxLevel)] : []
  const unsignedRange = scheme === 'v3' ? (parts.unsignedRange ?? [28, maxLevel]).map(u32) : []
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

function sequence(items: Buffer[]): Buffer {
  return prefixed(Buffer.concat(items.map(prefixed)))
}

function prefixed(bytes: Buffer): Buffer {
  return Buffer.concat([u32(bytes.length), bytes])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
