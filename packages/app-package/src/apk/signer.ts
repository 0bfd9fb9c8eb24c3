import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type ByteReader, createByteReader, readSequence } from '../byte-reader.ts'
import { PackageError } from '../package-error.ts'
import { type DigestName, findAlgorithm, type SignatureAlgorithm } from './signature-algorithms.ts'

export type SignatureScheme = 'v2' | 'v3'

/** A signer whose signature over its signed data was verified. The contents still have to match `digest`. */
export interface VerifiedSigner {
  scheme: SignatureScheme
  certificateSha256: string
  subject: string
  digestName: DigestName
  digest: Buffer
  /** The v2 signature says that the package was signed with v3 too. */
  saysV3: boolean
}

interface SignedData {
  digests: Map<number, Buffer>
  certificate: X509Certificate
  attributes: Buffer[]
  platformRange: Buffer | null
}

const code = 'signature-invalid'
/** An attribute of v2 signed data; its value names the newer scheme that the package was signed with as well. */
const strippingProtectionId = 0xbeeff00d
const v3SchemeNumber = 3
const maxItems = 64
const maxSubjectLength = 1000

/**
 * Reads the value of a v2 or v3 block, a sequence of signers, and verifies its one signer as the scheme says: the
 * strongest supported signature over the signed data, the same list of algorithms in signatures and digests, and the
 * first certificate's key equal to the signer's.
 */
export function verifySigner(block: Buffer, scheme: SignatureScheme): VerifiedSigner {
  const outer = createByteReader(block, code)
  const signers = readSequence(createByteReader(outer.prefixed(), code), maxItems)
  assertEnd(outer)
  const [only] = signers
  if (only === undefined) throw invalid(scheme, 'it names no signer')
  if (signers.length > 1) throw invalid(scheme, `it has ${signers.length} signers, and only one is accepted`)
  const signer = createByteReader(only, code)
  const signedBytes = signer.prefixed()
  const platformRange = scheme === 'v3' ? signer.bytes(8) : null
  const signatures = readPairs(signer.prefixed())
  const key = readPublicKey(signer.prefixed(), scheme)
  assertEnd(signer)
  const [id, algorithm] = strongest([...signatures.keys()], scheme)
  if (!isVerified(algorithm, { signedBytes, signature: signatures.get(id), key })) {
    throw invalid(scheme, 'the signature over its data does not match')
  }
  const signed = readSignedData(signedBytes, scheme)
  assertConsistent(signed, { scheme, signatures, key, platformRange })
  const digest = signed.digests.get(id)
  if (digest === undefined) throw invalid(scheme, 'it lacks the digest that its signature stands on')
  return {
    scheme,
    certificateSha256: createHash('sha256').update(signed.certificate.raw).digest('hex'),
    subject: describeSubject(signed.certificate),
    digestName: algorithm.digest,
    digest,
    saysV3: scheme === 'v2' && saysV3(signed.attributes),
  }
}

function readSignedData(bytes: Buffer, scheme: SignatureScheme): SignedData {
  const signed = createByteReader(bytes, code)
  const digests = readPairs(signed.prefixed())
  const certificates = readSequence(createByteReader(signed.prefixed(), code), maxItems)
  const platformRange = scheme === 'v3' ? signed.bytes(8) : null
  // Early v2 signers left the attributes out altogether.
  const attributes = signed.remaining() > 0 ? readSequence(createByteReader(signed.prefixed(), code), maxItems) : []
  const [first] = certificates
  if (first === undefined) throw invalid(scheme, 'it carries no certificate')
  return { digests, certificate: readCertificate(first, scheme), attributes, platformRange }
}

function assertConsistent(
  signed: SignedData,
  signer: {
    scheme: SignatureScheme
    signatures: ReadonlyMap<number, Buffer>
    key: KeyObject
    platformRange: Buffer | null
  },
): void {
  const { scheme, signatures, key, platformRange } = signer
  if (!isSameList([...signatures.keys()], [...signed.digests.keys()])) {
    throw invalid(scheme, 'its signatures and digests name different algorithms')
  }
  if (!readCertificateKey(signed.certificate, scheme).equals(key)) {
    throw invalid(scheme, 'its certificate belongs to another key than the one that signed')
  }
  if (platformRange !== null && signed.platformRange?.equals(platformRange) !== true) {
    throw invalid(scheme, 'its signed and unsigned platform ranges differ')
  }
}

/** SHA-512 before SHA-256, then the order in the package, as Android chooses. */
function strongest(ids: number[], scheme: SignatureScheme): [number, SignatureAlgorithm] {
  const supported = ids.flatMap((id): [number, SignatureAlgorithm][] => {
    const algorithm = findAlgorithm(id)
    return algorithm === null ? [] : [[id, algorithm]]
  })
  const best = supported.find(([, algorithm]) => algorithm.digest === 'sha512') ?? supported[0]
  if (best === undefined) throw invalid(scheme, 'it is made with none of the supported algorithms')
  return best
}

function isVerified(
  algorithm: SignatureAlgorithm,
  { signedBytes, signature, key }: { signedBytes: Buffer; signature: Buffer | undefined; key: KeyObject },
): boolean {
  if (signature === undefined) return false
  try {
    return algorithm.verify(signedBytes, signature, key)
  } catch {
    // OpenSSL throws instead of answering for keys it will not use, for instance one too small for the padding.
    return false
  }
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

function saysV3(attributes: Buffer[]): boolean {
  return attributes.some((attribute) => {
    const reader = createByteReader(attribute, code)
    return reader.u32() === strippingProtectionId && reader.u32() === v3SchemeNumber
  })
}

function readPublicKey(der: Buffer, scheme: SignatureScheme): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch (cause) {
    throw invalid(scheme, 'its public key cannot be read', cause)
  }
}

function readCertificate(der: Buffer, scheme: SignatureScheme): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch (cause) {
    throw invalid(scheme, 'its certificate cannot be read', cause)
  }
}

function readCertificateKey(certificate: X509Certificate, scheme: SignatureScheme): KeyObject {
  try {
    return certificate.publicKey
  } catch (cause) {
    throw invalid(scheme, 'the key in its certificate cannot be read', cause)
  }
}

function describeSubject(certificate: X509Certificate): string {
  return certificate.subject
    .toWellFormed()
    .split('\n')
    .join(', ')
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, maxSubjectLength)
}

function isSameList(left: number[], right: number[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index])
}

function assertEnd(reader: ByteReader): void {
  if (reader.remaining() > 0) throw new PackageError(code, 'A signature is followed by bytes that belong to nothing.')
}

function invalid(scheme: SignatureScheme, what: string, cause?: unknown): PackageError {
  return new PackageError(code, `The ${scheme} signature is not valid: ${what}.`, { cause })
}
