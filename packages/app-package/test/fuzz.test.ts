import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseManifest } from '../src/apk/manifest.ts'
import { readApk } from '../src/apk/read-apk.ts'
import { readApkEntries } from '../src/apk/zip-entries.ts'
import { findZipSections } from '../src/apk/zip-sections.ts'
import { createBufferSource } from '../src/byte-source.ts'
import { type ApkPackage, PackageError } from '../src/index.ts'
import { buildApk, generateSigner, writeBinaryXml } from '../src/testing/index.ts'
import { describeManifest } from '../src/testing/manifest-writer.ts'
import { apply, edits } from './edits.ts'
import { apiDemos, appiumSettings } from './real-packages.ts'

const limitMs = 1000
const app = { appId: 'com.example.fuzzed', versionCode: 3, minSdk: 24, targetSdk: 33, label: 'Fuzzed' }

async function manifestOf(path: string): Promise<Buffer> {
  const source = createBufferSource(await readFile(path))
  const sections = await findZipSections(source)
  return (await readApkEntries(source, sections, sections.directoryOffset)).manifest
}

const manifests = [
  ['a small one in UTF-8', writeBinaryXml(describeManifest(app)), 4000],
  ['a small one in UTF-16', writeBinaryXml(describeManifest(app), { encoding: 'utf16' }), 4000],
  ['that of ApiDemos', await manifestOf(apiDemos(22)), 2000],
  ['that of Appium settings', await manifestOf(appiumSettings()), 2000],
] as const

describe('a manifest with random changes', () => {
  test.each(manifests)('%s ends in a result or a PackageError, at once', (_what, manifest, numRuns) => {
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = changes.reduce(apply, manifest)
        const startedAt = performance.now()
        try {
          expect(parseManifest(bytes).appId).toMatch(/^[A-Za-z0-9_.]{1,255}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(PackageError)
        }
        expect(performance.now() - startedAt).toBeLessThan(limitMs)
      }),
      { numRuns, seed: 20_260_201 },
    )
  })
})

/**
 * What the signatures cover cannot have changed. A signature whose id was destroyed may be missing where no other one speaks
 * of it, as nothing speaks of v2; then the platforms that looked at it are left out.
 */
function assertUnchanged(outcome: ApkPackage, whole: Omit<ApkPackage, 'sha256' | 'size'>): void {
  const { minPlatformLevel, ...same } = whole
  const { signatures, ...signer } = whole.signer
  expect(outcome).toMatchObject({ ...same, signer })
  expect(outcome.minPlatformLevel).toBeGreaterThanOrEqual(minPlatformLevel)
  for (const signature of outcome.signer.signatures) expect(signatures).toContainEqual(signature)
}

describe('a signed package with random changes', () => {
  test.each([
    ['v2', ['v2']],
    ['v3', ['v3']],
    ['v2 and v3', ['v2', 'v3']],
    ['v2, v3 and v3.1 with a proof of rotation', ['v2', 'v3', 'v3.1']],
  ] as const)('signed with %s ends in a PackageError, or is what it was, at once', async (_what, schemes) => {
    const earlier = schemes.length === 3 ? [await generateSigner()] : []
    const options = { ...app, architectures: ['arm64-v8a'], schemes, earlier }
    const signed = await buildApk({ ...(await generateSigner()), ...options })
    const { sha256: _sha256, size: _size, signer, ...identity } = await readApk(createBufferSource(signed))
    let refused = 0
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const bytes = changes.reduce(apply, signed)
        const startedAt = performance.now()
        const outcome: unknown = await readApk(createBufferSource(bytes)).catch((error: unknown) => error)
        expect(performance.now() - startedAt).toBeLessThan(limitMs)
        if (outcome instanceof PackageError) refused += 1
        else assertUnchanged(outcome as ApkPackage, { ...identity, signer })
      }),
      { numRuns: 3000, seed: 20_260_202 },
    )
    expect(refused).toBeGreaterThan(2500)
  })
})
