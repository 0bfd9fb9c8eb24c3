import { expect, test } from 'vitest'
import type { PlatformSignature } from '../app-package.ts'
import { findRefusingLevel, lowestVerifyingLevel } from './platform-signatures.ts'

/** `A` alone, or `A>B>C`: C by a proof that begins with A. A small letter: its apps may not be updated any more. */
function signature(keys: string, minLevel = 0, maxLevel: number | null = null): PlatformSignature {
  const names = keys.split('>')
  const lineage = names.slice(0, -1).map((name) => ({
    certificateSha256: name.toUpperCase(),
    keepsData: name === name.toUpperCase(),
  }))
  return { scheme: 'v3', minLevel, maxLevel, certificateSha256: String(names.at(-1)), lineage }
}

const everywhere = (keys: string) => [signature(keys)]
/** As apksigner signs: the oldest key for Android 8.1 and earlier ones. */
const sinceV3 = (oldest: string, keys: string) => [signature(oldest, 0, 27), signature(keys, 28)]
const sinceV31 = (oldest: string, keys: string) => [
  ...[signature(oldest, 0, 27), signature(oldest, 28, 32)],
  signature(keys, 33),
]

test.each([
  ['the same key', everywhere('A'), everywhere('A'), null],
  ['another key', everywhere('A'), everywhere('B'), 0],
  ['a new key with proof', everywhere('A'), sinceV3('A', 'A>B'), null],
  ['a new key with proof, from Android 13 on', everywhere('A'), sinceV31('A', 'A>B'), null],
  ['a new key that v2 carries too', everywhere('A'), everywhere('A>B'), null],
  ['a new key without proof for early platforms', everywhere('A'), sinceV3('B', 'A>B'), 0],
  ['a new key without proof', everywhere('A'), sinceV3('A', 'B'), 28],
  ['a proof that begins elsewhere', everywhere('A'), sinceV3('A', 'X>B'), 28],
  ['a proof that gives the old key up', everywhere('A'), sinceV3('A', 'a>B'), 28],
  ['two changes in one', everywhere('A'), sinceV3('A', 'A>B>C'), null],
  ['a second change', sinceV3('A', 'A>B'), sinceV3('A', 'A>B>C'), null],
  ['a second change whose proof forgets the first key', sinceV3('A', 'A>B'), sinceV3('A', 'B>C'), null],
  ['the old key again', sinceV3('A', 'A>B'), everywhere('A'), 28],
  ['the old key again, with a proof of its own', sinceV3('A', 'A>B'), sinceV3('A', 'A>X'), 28],
  ['the new key from Android 13 only, after it was there from 9', sinceV3('A', 'A>B'), sinceV31('A', 'A>B'), 28],
  ['the new key from Android 9, after it was there from 13', sinceV31('A', 'A>B'), sinceV3('A', 'A>B'), null],
  ['nothing for platforms that had something', everywhere('A'), [signature('A', 30)], 0],
  ['something for platforms that had nothing', [signature('A', 30)], sinceV3('X', 'A'), null],
  ['an end before the newest platforms', everywhere('A'), [signature('A', 0, 33)], 34],
])('%s', (_what, installed, signatures, level) => {
  expect(findRefusingLevel(installed, { signatures, minPlatformLevel: 0 })).toBe(level)
})

test('platforms below the least level of the update are not asked', () => {
  const [installed, signatures] = [everywhere('A'), sinceV3('B', 'A>B')]
  expect(findRefusingLevel(installed, { signatures, minPlatformLevel: 27 })).toBe(27)
  expect(findRefusingLevel(installed, { signatures, minPlatformLevel: 28 })).toBe(null)
})

const scheme = (name: PlatformSignature['scheme'], minLevel: number) => ({ ...signature('A', minLevel), scheme: name })

test.each([
  ['v2 alone', [scheme('v2', 0)], 24, 0],
  ['v2 and v3', [scheme('v2', 0), scheme('v3', 28)], 24, 0],
  ['v3 alone', [scheme('v3', 28)], 28, 28],
  ['v3 for Android 11 and later', [scheme('v3', 30)], 30, 30],
])(
  '%s is verified by platforms from a level on, and by earlier ones where v1 is beside v2',
  (_what, signatures, level, withJar) => {
    expect(lowestVerifyingLevel(signatures, { hasJarSignature: false })).toBe(level)
    expect(lowestVerifyingLevel(signatures, { hasJarSignature: true })).toBe(withJar)
  },
)
