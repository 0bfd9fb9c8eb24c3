import { describe, expect, test } from 'vitest'
import { at, bundleOf, deviceId, issuedAt, root, signer, stranger } from '../test/fixed-keys.ts'
import { forge } from '../test/forge.ts'
import { type BundleClaims, certifyKey, signBundle, toPublicKey, verifyBundle } from './index.ts'

const keyCertificate = await certifyKey({ root, subject: signer, issuedAt })
const options = { keyCertificate, rootThumbprint: root.kid, now: at(issuedAt + 60) }
const claims = bundleOf([deviceId, 'ACCC8E000001'])
const manifest = await signBundle({ key: signer, claims })
const header = { alg: 'EdDSA', typ: 'ocelli-bundle+jwt', kid: signer.kid }

test('a bundle verifies against the thumbprint of the root alone', async () => {
  expect(await verifyBundle(manifest, options)).toEqual({
    valid: true,
    claims,
    clock: 'ok',
    keyId: signer.kid,
    root: toPublicKey(root),
  })
})

test('a bundle ends at its exp, to the second', async () => {
  expect(await verifyBundle(manifest, { ...options, now: at(claims.exp - 1) })).toMatchObject({ valid: true })
  const ended = await verifyBundle(manifest, { ...options, now: at(claims.exp) })
  expect(ended).toEqual({ valid: false, reason: 'expired', detail: expect.any(String), claims })
})

test.each([null, at(0), at(issuedAt - 1), new Date(Number.NaN)])(
  'with the clock %s its end is not judged',
  async (now) => {
    expect(await verifyBundle(manifest, { ...options, now })).toMatchObject({ valid: true, clock: 'clock-unreliable' })
  },
)

describe('keys that a bundle brings itself prove nothing', () => {
  test('a bundle of another platform is refused', async () => {
    const foreign = await certifyKey({ root: stranger, subject: signer, issuedAt })
    expect(await verifyBundle(manifest, { ...options, keyCertificate: foreign })).toMatchObject({
      reason: 'unknown-key',
      claims: null,
    })
  })

  test('so is one signed by a key that the root does not certify', async () => {
    const other = await signBundle({ key: stranger, claims })
    expect(await verifyBundle(other, options)).toMatchObject({ reason: 'unknown-key' })
    const forged = await forge(header, claims, stranger)
    expect(await verifyBundle(forged, options)).toMatchObject({ reason: 'damaged' })
  })

  test('and one whose certificate is forged, older than bundles, or no certificate', async () => {
    const certificateHeader = { alg: 'EdDSA', typ: 'ocelli-key+jwt', kid: root.kid }
    const payload = { sub: signer.kid, jwk: toPublicKey(signer), iat: issuedAt }
    const forged = await forge(certificateHeader, { ...payload, root: toPublicKey(root) }, stranger)
    const swapped = await forge(certificateHeader, { ...payload, root: toPublicKey(stranger) }, stranger)
    const old = await forge(certificateHeader, payload, root)
    for (const wrong of [forged, swapped, old, manifest, '', 'a.b.c']) {
      const result = await verifyBundle(manifest, { ...options, keyCertificate: wrong })
      expect(result).toMatchObject({ valid: false, reason: 'damaged', claims: null })
    }
  })
})

describe('manifests that contradict themselves', () => {
  const [packaged] = claims.packages
  const [license] = claims.licenses
  const [install] = claims.installs
  if (!packaged || !license || !install) throw new Error('The bundle of the test is empty.')
  const cases: [string, object][] = [
    ['no end', { exp: undefined }],
    ['an end before its beginning', { exp: claims.iat }],
    ['no account', { acc: 'acme' }],
    ['no list of packages', { packages: null }],
    ['an entry that is no object', { licenses: [null] }],
    ['a package listed twice', { packages: [packaged, packaged] }],
    ['a license listed twice', { licenses: [license, license, claims.licenses[1]] }],
    ['an app twice on one device', { installs: [install, install] }],
    ['an install without its package', { packages: [] }],
    ['an install with a package of another app', { packages: [{ ...packaged, appId: 'com.example.other' }] }],
    ['an install without its license', { licenses: [license] }],
    ['an install with the license of another device', { installs: [{ ...install, deviceId: 'OTHER' }] }],
    [
      'an install with the license of another app',
      { licenses: [{ ...license, appId: 'com.example.other' }, claims.licenses[1]] },
    ],
    ['a hash that leads out of the folder', { packages: [{ ...packaged, sha256: '../'.repeat(21).padEnd(64, 'x') }] }],
    ['a hash in upper case', { packages: [{ ...packaged, sha256: packaged.sha256.toUpperCase() }] }],
    ['a package of unknown format', { packages: [{ ...packaged, format: 'exe' }] }],
    ['a package of negative size', { packages: [{ ...packaged, size: -1 }] }],
    ['a license that is no license file', { licenses: [{ ...license, file: 'free' }, claims.licenses[1]] }],
  ]

  test.each(cases)('%s: not signed, and damaged when somebody does', async (_what, change) => {
    const wrong = { ...claims, ...change } as BundleClaims
    await expect(signBundle({ key: signer, claims: wrong })).rejects.toThrow(TypeError)
    expect(await verifyBundle(await forge(header, wrong, signer), options)).toMatchObject({ reason: 'damaged' })
  })
})

test('ten thousand devices fit, with license files as long as they get with certificate and grant', async () => {
  const part = 'A'.repeat(500)
  const many = bundleOf(
    Array.from({ length: 10_000 }, (_, index) => `ACCC8E${index.toString().padStart(6, '0')}`),
    `${part}.${part}.${part}`,
  )
  const text = await signBundle({ key: signer, claims: many })
  const result = await verifyBundle(text, options)
  expect(result.valid && result.claims.installs.length).toBe(10_000)
  const changed = `${text.slice(0, 1_000_000)}${text[1_000_000] === 'A' ? 'B' : 'A'}${text.slice(1_000_001)}`
  expect(await verifyBundle(changed, options)).toMatchObject({ reason: 'damaged', claims: null })
  const tooMany = {
    ...many,
    licenses: many.licenses.map((entry) => ({ ...entry, file: `${entry.file}${part}${part}` })),
  }
  await expect(signBundle({ key: signer, claims: tooMany })).rejects.toThrow(RangeError)
})

test('more than 32 MiB is refused without being read', async () => {
  const text = `${manifest}${'A'.repeat(32 * 1024 * 1024)}`
  expect(await verifyBundle(text, options)).toMatchObject({ reason: 'damaged', detail: expect.stringContaining('KiB') })
})
