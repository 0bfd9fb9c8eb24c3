import type { PackageSigner } from '../app-package.ts'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import { digestContents } from './content-digest.ts'
import { layOutSignatures } from './platform-signatures.ts'
import { type VerifiedSigner, verifySigners } from './signer.ts'
import type { SigningBlock } from './signing-block.ts'
import type { ZipSections } from './zip-sections.ts'

/**
 * Verifies every v2, v3 and v3.1 signature that the package carries, since which of them counts depends on the camera's
 * platform. Gives the signer, and the SHA-256 of the file computed in the same pass.
 */
export async function verifySignature(
  source: ByteSource,
  layout: { sections: ZipSections; block: SigningBlock },
): Promise<{ signer: PackageSigner; sha256: string }> {
  const { sections, block } = layout
  const v2 = block.v2 === null ? [] : verifySigners(block.v2, 'v2')
  const v3 = block.v3 === null ? [] : verifySigners(block.v3, 'v3')
  const v31 = block.v31 === null ? [] : verifySigners(block.v31, 'v3.1')
  assertNothingTakenOut({ v2, v3, v31 })
  const signers = [...v2, ...v3, ...v31]
  const newest = newestOf(v31) ?? newestOf(v3) ?? v2[0]
  const signatures = layOutSignatures({ v2, v3, v31 })
  if (newest === undefined || signatures.length === 0) {
    throw new PackageError('unsigned', 'The package has a signing block, but no v2 or v3 signature in it.')
  }
  assertOneMaker(signers, newest)
  const names = new Set(signers.map(({ digestName }) => digestName))
  const { fileSha256, contents } = await digestContents(source, { sections, block, names })
  for (const signer of signers) assertContents(signer, contents.get(signer.digestName))
  const { scheme, certificateSha256, subject } = newest
  return { signer: { scheme, certificateSha256, subject, signatures }, sha256: fileSha256 }
}

/** The signer for the highest API levels. */
function newestOf(signers: readonly VerifiedSigner[]): VerifiedSigner | undefined {
  return signers.toSorted((a, b) => (b.levels?.max ?? 0) - (a.levels?.max ?? 0))[0]
}

/** No digest covers the signing block, so anybody could leave a newer signature away; older ones speak of newer ones. */
function assertNothingTakenOut({ v2, v3, v31 }: Record<'v2' | 'v3' | 'v31', VerifiedSigner[]>): void {
  if (v3.length === 0 && v2.some(({ attributes }) => attributes.saysV3)) {
    throw new PackageError('signature-invalid', 'The package was signed with v3 too, and that signature was taken out.')
  }
  if (v3.length === 0 && v31.length > 0) {
    throw new PackageError(
      'signature-invalid',
      'The package has a v3.1 signature without the v3 one that belongs to it.',
    )
  }
  for (const { attributes } of v3) {
    if (attributes.v31From === null || v31.some(({ levels }) => levels?.min === attributes.v31From)) continue
    const detail = `The package was signed with v3.1 for API level ${attributes.v31From} too, and that signature was taken out.`
    throw new PackageError('signature-invalid', detail)
  }
}

/**
 * Anybody can add a newer signature of his own to an older one that does not mention it. The maker's own proves by its lineage
 * that all other certificates in the package came before it.
 */
function assertOneMaker(signers: readonly VerifiedSigner[], newest: VerifiedSigner): void {
  const own = new Set([newest.certificateSha256, ...newest.lineage.map(({ certificateSha256 }) => certificateSha256)])
  const stranger = signers.find(({ certificateSha256 }) => !own.has(certificateSha256))
  if (stranger === undefined) return
  const schemes = `${stranger.scheme} and ${newest.scheme} signatures`
  const detail = `The ${schemes} are made with different certificates, and no proof of rotation leads from one to the other.`
  throw new PackageError('signature-invalid', detail)
}

function assertContents(signer: VerifiedSigner, computed: Buffer | undefined): void {
  if (computed?.equals(signer.digest) !== true) {
    throw new PackageError(
      'signature-invalid',
      `The contents are not those that the ${signer.scheme} signature covers.`,
    )
  }
}
