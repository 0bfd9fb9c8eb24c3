import { sign } from 'node:crypto'
import { prefixed, u32 } from './little-endian.ts'
import type { ApkSigner } from './signer-key.ts'

/** What apksigner grants to a key that was replaced: all but the way back. */
export const usualCapabilities = 23

export interface LineageStep {
  signer: ApkSigner
  /** `usualCapabilities` by default. */
  capabilities?: number
  /** Signs for this certificate instead of the one before it. */
  signedBy?: ApkSigner
  /** Algorithm ids as written; by default ECDSA with SHA-256, by which it is signed in any case. */
  signsBy?: number
  algorithm?: number
}

const ecdsaSha256 = 0x0201
const proofOfRotation = 0x3ba06f8c

/** The attribute that proves how keys came one after another, oldest first; all of type `ec`. */
export function lineageAttribute(steps: readonly LineageStep[], version = 1): Buffer {
  const levels = steps.map(({ signer, capabilities = usualCapabilities, ...step }, index) => {
    const isFirst = index === 0
    const by = step.signedBy ?? steps[index - 1]?.signer
    const signed = Buffer.concat([prefixed(signer.certificate), u32(isFirst ? 0 : (step.algorithm ?? ecdsaSha256))])
    const signature = isFirst || by === undefined ? Buffer.alloc(0) : sign('sha256', signed, by.key)
    const signsBy = u32(index === steps.length - 1 ? 0 : (step.signsBy ?? ecdsaSha256))
    return prefixed(Buffer.concat([prefixed(signed), u32(capabilities), signsBy, prefixed(signature)]))
  })
  return Buffer.concat([u32(proofOfRotation), u32(version), ...levels])
}
