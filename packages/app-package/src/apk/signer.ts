import { createPublicKey, type KeyObject } from 'node:crypto'
import type { EarlierCertificate, SignatureScheme } from '../app-package.ts'
import { type ByteReader, createByteReader, readSequence } from '../byte-reader.ts'
import { PackageError } from '../package-error.ts'
import { invalid, readCertificate, type SigningCertificate } from './certificate.ts'
import { readLineage } from './lineage.ts'
import { type DigestName, findAlgorithm, holds, type SignatureAlgorithm } from './signature-algorithms.ts'
import { readAttributes, type SignedAttributes } from './signed-attributes.ts'

/** A signer whose signature over its signed data was verified. The contents still have to match `digest`. */
export interface VerifiedSigner {
  scheme: SignatureScheme
  /** Android API levels that it is for, both included; null for v2, which says none. */
  levels: LevelRange | null
  certificateSha256: string
  subject: string
  /** Certificates that this one came after, oldest first. */
  lineage: EarlierCertificate[]
  digestName: DigestName
  digest: Buffer
  attributes: SignedAttributes
}

export interface LevelRange {
  min: number
  max: number
}

interface SignedData {
  digests: Map<number, Buffer>
  certificate: SigningCertificate
  attributes: Buffer[]
  levels: LevelRange | null
}

const code = 'signature-invalid'
const maxItems = 64
/** One for each part of the API levels: two or three in real packages. */
const maxSigners = 10
/** To Android a level is signed. */
const maxLevel = 0x7fffffff

/**
 * Reads the value of a v2, v3 or v3.1 block, a sequence of signers, and verifies each as the schemes say: the strongest
 * supported signature over the signed data, the same list of algorithms in signatures and digests, the first certificate's key
 * equal to the signer's, and the proof of rotation where there is one. v2 has one signer here, the others one for each range of API levels.
 */
export function verifySigners(block: Buffer, scheme: SignatureScheme): VerifiedSigner[] {
  const outer = createByteReader(block, code)
  const signers = readSequence(createByteReader(outer.prefixed(), code), maxItems)
  assertEnd(outer)
  const max = scheme === 'v2' ? 1 : maxSigners
  if (signers.length === 0) throw invalid(`${scheme} signature`, 'it names no signer')
  if (signers.length > max) {
    throw invalid(`${scheme} signature`, `it has ${signers.length} signers, and only ${max} can be accepted`)
  }
  const verified = signers.map((signer) => verifySigner(signer, scheme))
  const ranges = verified.flatMap(({ levels }) => levels ?? []).sort((a, b) => a.min - b.min)
  if (ranges.some(({ min }, index) => min <= (ranges[index - 1]?.max ?? -1))) {
    throw invalid(`${scheme} signature`, 'two of its signers are for the same platform')
  }
  return verified
}

function verifySigner(bytes: Buffer, scheme: SignatureScheme): VerifiedSigner {
  const where = `${scheme} signature`
  const signer = createByteReader(bytes, code)
  const signedBytes = signer.prefixed()
  const levels = scheme === 'v2' ? null : readLevels(signer)
  const signatures = readPairs(signer.prefixed())
  const key = readPublicKey(signer.prefixed(), where)
  assertEnd(signer)
  const [id, algorithm] = strongest([...signatures.keys()], where)
  if (!holds(algorithm, { data: signedBytes, signature: signatures.get(id), key })) {
    throw invalid(where, 'the signature over its data does not match')
  }
  const signed = readSignedData(signedBytes, scheme)
  assertConsistent(signed, { where, signatures, key, levels })
  const digest = signed.digests.get(id)
  if (digest === undefined) throw invalid(where, 'it lacks the digest that its signature stands on')
  const { certificate } = signed
  const attributes = readAttributes(signed.attributes, scheme)
  const proof = attributes.proofOfRotation
  return {
    ...{ scheme, levels, certificateSha256: certificate.sha256, subject: certificate.subject },
    lineage: proof === null ? [] : readLineage(proof, certificate, where),
    ...{ digestName: algorithm.digest, digest, attributes },
  }
}

function readSignedData(bytes: Buffer, scheme: SignatureScheme): SignedData {
  const where = `${scheme} signature`
  const signed = createByteReader(bytes, code)
  const digests = readPairs(signed.prefixed())
  const certificates = readSequence(createByteReader(signed.prefixed(), code), maxItems)
  const levels = scheme === 'v2' ? null : readLevels(signed)
  // Early v2 signers left the attributes out altogether.
  const attributes = signed.remaining() > 0 ? readSequence(createByteReader(signed.prefixed(), code), maxItems) : []
  const [first] = certificates
  if (first === undefined) throw invalid(where, 'it carries no certificate')
  return { digests, certificate: readCertificate(first, where), attributes, levels }
}

function readLevels(reader: ByteReader): LevelRange {
  return { min: reader.u32(), max: reader.u32() }
}

function assertConsistent(
  { digests, certificate, levels }: SignedData,
  signer: { where: string; signatures: ReadonlyMap<number, Buffer>; key: KeyObject; levels: LevelRange | null },
): void {
  const { where } = signer
  if (!isSameList([...signer.signatures.keys()], [...digests.keys()])) {
    throw invalid(where, 'its signatures and digests name different algorithms')
  }
  if (!certificate.key.equals(signer.key)) {
    throw invalid(where, 'its certificate belongs to another key than the one that signed')
  }
  if (levels?.min !== signer.levels?.min || levels?.max !== signer.levels?.max) {
    throw invalid(where, 'its signed and unsigned platform ranges differ')
  }
  if (levels !== null && (levels.min > levels.max || levels.max > maxLevel))
    throw invalid(where, 'its platform range is none')
}

/** SHA-512 before SHA-256, then the order in the package, as Android chooses. */
function strongest(ids: number[], where: string): [number, SignatureAlgorithm] {
  const supported = ids.flatMap((id): [number, SignatureAlgorithm][] => {
    const algorithm = findAlgorithm(id)
    return algorithm === null ? [] : [[id, algorithm]]
  })
  const best = supported.find(([, algorithm]) => algorithm.digest === 'sha512') ?? supported[0]
  if (best === undefined) throw invalid(where, 'it is made with none of the supported algorithms')
  return best
}

/** Items of u32 algorithm id and length-prefixed bytes, in the order of the package. */
function readPairs(bytes: Buffer): Map<number, Buffer> {
  const pairs = new Map<number, Buffer>()
  for (const item of readSequence(createByteReader(bytes, code), maxItems)) {
    const reader = createByteReader(item, code)
    const id = reader.u32()
    if (pairs.has(id)) throw new PackageError(code, 'A signature names the same algorithm twice.')
    pairs.set(id, reader.prefixed())
  }
  return pairs
}

function readPublicKey(der: Buffer, where: string): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch (cause) {
    throw invalid(where, 'its public key cannot be read', cause)
  }
}

function isSameList(left: number[], right: number[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index])
}

function assertEnd(reader: ByteReader): void {
  if (reader.remaining() > 0) throw new PackageError(code, 'A signature is followed by bytes that belong to nothing.')
}
