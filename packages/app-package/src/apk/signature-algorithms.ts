import { constants, type KeyObject, verify } from 'node:crypto'

export type DigestName = 'sha256' | 'sha512'

export interface SignatureAlgorithm {
  digest: DigestName
  /** True when the signature over `data` is of this key. A key of another type never verifies. */
  verify(data: Buffer, signature: Buffer, key: KeyObject): boolean
}

const pss = (digest: DigestName, saltLength: number) =>
  algorithm(digest, 'rsa', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
const pkcs1 = (digest: DigestName) => algorithm(digest, 'rsa', { padding: constants.RSA_PKCS1_PADDING })

/**
 * Signature algorithm ids of APK Signature Scheme v2 and v3. The verity ids (0x0421, 0x0423, 0x0425), which hash the
 * contents as a tree, are missing: Android takes them only beside or instead of these for very large packages.
 */
const algorithms = new Map<number, SignatureAlgorithm>([
  [0x0101, pss('sha256', 32)],
  [0x0102, pss('sha512', 64)],
  [0x0103, pkcs1('sha256')],
  [0x0104, pkcs1('sha512')],
  [0x0201, algorithm('sha256', 'ec', {})],
  [0x0202, algorithm('sha512', 'ec', {})],
  [0x0301, algorithm('sha256', 'dsa', {})],
])

export function findAlgorithm(id: number): SignatureAlgorithm | null {
  return algorithms.get(id) ?? null
}

/** Whether the signature is there and is of this key. */
export function holds(
  by: SignatureAlgorithm,
  { data, signature, key }: { data: Buffer; signature: Buffer | undefined; key: KeyObject },
): boolean {
  if (signature === undefined) return false
  try {
    return by.verify(data, signature, key)
  } catch {
    // OpenSSL throws instead of answering for keys it will not use, for instance one too small for the padding.
    return false
  }
}

function algorithm(
  digest: DigestName,
  keyType: 'rsa' | 'ec' | 'dsa',
  options: { padding?: number; saltLength?: number },
): SignatureAlgorithm {
  return {
    digest,
    // node:crypto would take an EC key for an RSA algorithm and ignore the padding, hence the look at the type.
    verify: (data, signature, key) =>
      key.asymmetricKeyType === keyType && verify(digest, data, { key, ...options }, signature),
  }
}
