import type { PackageSigner } from '../app-package.ts'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import { digestContents } from './content-digest.ts'
import { type VerifiedSigner, verifySigner } from './signer.ts'
import type { SigningBlock } from './signing-block.ts'
import type { ZipSections } from './zip-sections.ts'

/**
 * Verifies every v2 and v3 signature that the package carries, since which of them counts depends on the camera's
 * platform. Gives the signer, and the SHA-256 of the file computed in the same pass.
 */
export async function verifySignature(
  source: ByteSource,
  layout: { sections: ZipSections; block: SigningBlock },
): Promise<{ signer: PackageSigner; sha256: string }> {
  const { sections, block } = layout
  const v2 = block.v2 === null ? null : verifySigner(block.v2, 'v2')
  const v3 = block.v3 === null ? null : verifySigner(block.v3, 'v3')
  const strongest = v3 ?? v2
  if (strongest === null) {
    throw new PackageError('unsigned', 'The package has a signing block, but no v2 or v3 signature in it.')
  }
  if (v2?.saysV3 && v3 === null) {
    throw new PackageError('signature-invalid', 'The package was signed with v3 too, and that signature was taken out.')
  }
  // Anybody can add a v3 signature of his own to a v2 one that does not mention v3: no digest covers the signing block.
  if (v2 !== null && v3 !== null && v2.certificateSha256 !== v3.certificateSha256) {
    throw new PackageError('signature-invalid', 'The v2 and v3 signatures are made with different certificates.')
  }
  const signers = [v2, v3].filter((signer) => signer !== null)
  const names = new Set(signers.map(({ digestName }) => digestName))
  const { fileSha256, contents } = await digestContents(source, { sections, block, names })
  for (const signer of signers) assertContents(signer, contents.get(signer.digestName))
  const { scheme, certificateSha256, subject } = strongest
  return { signer: { scheme, certificateSha256, subject }, sha256: fileSha256 }
}

function assertContents(signer: VerifiedSigner, computed: Buffer | undefined): void {
  if (computed?.equals(signer.digest) !== true) {
    throw new PackageError(
      'signature-invalid',
      `The contents are not those that the ${signer.scheme} signature covers.`,
    )
  }
}
