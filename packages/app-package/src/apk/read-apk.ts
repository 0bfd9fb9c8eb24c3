import type { ApkPackage } from '../app-package.ts'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import { parseManifest } from './manifest.ts'
import { lowestVerifyingLevel } from './platform-signatures.ts'
import { readSigningBlock } from './signing-block.ts'
import { verifySignature } from './verify-signature.ts'
import { readApkEntries } from './zip-entries.ts'
import { findZipSections } from './zip-sections.ts'

/** Reads and verifies an .apk, cheap refusals first: the contents are hashed last. Throws PackageError. */
export async function readApk(source: ByteSource): Promise<ApkPackage> {
  const sections = await findZipSections(source)
  const block = await readSigningBlock(source, sections)
  const entries = await readApkEntries(source, sections, block?.offset ?? sections.directoryOffset)
  const manifest = parseManifest(entries.manifest)
  if (block === null) throw unsigned(entries.hasJarSignature)
  const { signer, sha256 } = await verifySignature(source, { sections, block })
  const { architectures } = entries
  const minPlatformLevel = Math.max(manifest.minPlatformLevel, lowestVerifyingLevel(signer.signatures, entries))
  return { format: 'apk', ...manifest, minPlatformLevel, architectures, signer, size: source.size, sha256 }
}

function unsigned(hasJarSignature: boolean): PackageError {
  const detail = hasJarSignature
    ? 'The package has only a v1 (JAR) signature, which alone is not accepted. Sign it with scheme v2 or v3.'
    : 'The package is not signed. Sign it with APK Signature Scheme v2 or v3.'
  return new PackageError('unsigned', detail)
}
