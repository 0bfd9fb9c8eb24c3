import { createByteReader } from '../byte-reader.ts'
import { PackageError } from '../package-error.ts'

/** Attributes of signed data that matter here; Android passes over those it does not know, and so do we. */
export interface SignedAttributes {
  /** v2: the package was signed with v3 too. */
  saysV3: boolean
  /** v3: the package was signed with v3.1 too, for this API level and later ones. */
  v31From: number | null
  /** v3 and v3.1: how the key came after earlier ones. */
  proofOfRotation: Buffer | null
}

const code = 'signature-invalid'
const ids = { stripping: 0xbeeff00d, rotationMinLevel: 0x559f8b02, proofOfRotation: 0x3ba06f8c }
const v3SchemeNumber = 3

/** Ids that mean something in another scheme only are unknown in this one. */
export function readAttributes(attributes: Buffer[], scheme: 'v2' | 'v3' | 'v3.1'): SignedAttributes {
  const read: SignedAttributes = { saysV3: false, v31From: null, proofOfRotation: null }
  for (const attribute of attributes) {
    const reader = createByteReader(attribute, code)
    const id = reader.u32()
    if (scheme === 'v2') {
      read.saysV3 ||= id === ids.stripping && reader.u32() === v3SchemeNumber
    } else if (id === ids.proofOfRotation) {
      if (read.proofOfRotation !== null) throw new PackageError(code, 'A signature has two proofs of rotation.')
      read.proofOfRotation = reader.bytes(reader.remaining())
    } else if (scheme === 'v3' && id === ids.rotationMinLevel) {
      if (read.v31From !== null) throw new PackageError(code, 'A signature speaks of two v3.1 signatures.')
      read.v31From = reader.u32()
    }
  }
  return read
}
