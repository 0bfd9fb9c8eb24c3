import type { PlatformSignature } from '../app-package.ts'
import type { VerifiedSigner } from './signer.ts'

/** Android 7 is the first to look at v2; earlier ones know v1 (JAR) alone. */
const v2Level = 24
/** Android 9 looks at v3 first, and Android 13 at v3.1 before that (source.android.com, APK signing). */
const v3Level = 28
const v31Level = 33
/** Signers write the highest 32-bit number for "no end". */
const noEnd = 0x7fffffff

/** Which signature counts on which platform: v3.1 where it says so, else v3, and v2 on platforms that do not know v3. */
export function layOutSignatures({ v2, v3, v31 }: Record<'v2' | 'v3' | 'v31', VerifiedSigner[]>): PlatformSignature[] {
  const newest = v31.flatMap((signer) => within(signer, v31Level, noEnd))
  const newer = v3.flatMap((signer) => within(signer, v3Level, noEnd)).flatMap((range) => without(range, newest))
  const oldest = v2.flatMap((signer) => within(signer, 0, v3.length === 0 ? noEnd : v3Level - 1))
  return [...oldest, ...newer, ...newest]
    .sort((a, b) => a.min - b.min)
    .map(({ signer, min, max }) => ({
      scheme: signer.scheme,
      minLevel: min,
      maxLevel: max === noEnd ? null : max,
      certificateSha256: signer.certificateSha256,
      lineage: signer.lineage,
    }))
}

/**
 * The lowest API level whose platform finds a signature that it can verify. A v1 (JAR) signature beside v2 is left to the cameras before
 * Android 7; beside v3 alone it is not counted on, since nothing here has read whose it is.
 */
export function lowestVerifyingLevel(
  signatures: readonly PlatformSignature[],
  { hasJarSignature }: { hasJarSignature: boolean },
): number {
  const lowest = signatures.map(({ scheme, minLevel }) =>
    scheme === 'v2' && !hasJarSignature ? Math.max(minLevel, v2Level) : minLevel,
  )
  return Math.min(...lowest)
}

interface Range {
  signer: VerifiedSigner
  min: number
  max: number
}

function within(signer: VerifiedSigner, from: number, to: number): Range[] {
  const min = Math.max(signer.levels?.min ?? 0, from)
  const max = Math.min(signer.levels?.max ?? noEnd, to)
  return min <= max ? [{ signer, min, max }] : []
}

/** What is left of a range beside others. */
function without(range: Range, others: readonly Range[]): Range[] {
  return others.reduce(
    (parts: Range[], other) =>
      parts.flatMap((part) =>
        [
          { ...part, max: Math.min(part.max, other.min - 1) },
          { ...part, min: Math.max(part.min, other.max + 1) },
        ].filter(({ min, max }) => min <= max),
      ),
    [range],
  )
}

/**
 * The lowest API level at which Android refuses the second package as an update of the first; null when it takes it
 * wherever both can be installed. It takes an update that the same certificate signed, or one that came after it by a
 * proof of rotation which lets its installed apps be updated.
 */
export function findRefusingLevel(
  installed: readonly PlatformSignature[],
  update: { signatures: readonly PlatformSignature[]; minPlatformLevel: number },
): number | null {
  const { signatures, minPlatformLevel } = update
  const edges = [...installed, ...signatures].flatMap(({ minLevel, maxLevel }) => [minLevel, (maxLevel ?? noEnd) + 1])
  const levels = [minPlatformLevel, ...edges.filter((level) => level > minPlatformLevel && level <= noEnd)]
  const refusing = levels.filter((level) => {
    const before = signatureAt(installed, level)
    return before !== undefined && !follows(signatureAt(signatures, level), before)
  })
  return refusing.length === 0 ? null : Math.min(...refusing)
}

function signatureAt(signatures: readonly PlatformSignature[], level: number): PlatformSignature | undefined {
  return signatures.find(({ minLevel, maxLevel }) => minLevel <= level && level <= (maxLevel ?? noEnd))
}

function follows(after: PlatformSignature | undefined, before: PlatformSignature): boolean {
  if (after === undefined) return false
  return (
    after.certificateSha256 === before.certificateSha256 ||
    after.lineage.some((earlier) => earlier.certificateSha256 === before.certificateSha256 && earlier.keepsData)
  )
}
