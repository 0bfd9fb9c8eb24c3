import { describe, expect, test } from 'vitest'
import * as fixed from '../test/fixed-keys.ts'
import { forge } from '../test/forge.ts'
import { certifyKey, encodeLicenseFile, signGrant, signLicense, toPublicKey, verifyLicense } from './index.ts'

const { appId, at, deviceId, full, fullGrant, issuedAt, maker, root, signer, stranger, subscription, termGrant } = fixed
const options = { makers: [toPublicKey(maker)], deviceId, appId, now: at(issuedAt + 60) }
const keyCertificate = await certifyKey({ root, subject: signer, issuedAt })
const certificateHeader = { alg: 'EdDSA', typ: 'ocelli-key+jwt', kid: root.kid }
const oldCertificate = { sub: signer.kid, jwk: toPublicKey(signer), iat: issuedAt }
const day = 86_400

async function licenseFile({ claims = full, granted = fullGrant, key = signer, by = maker } = {}): Promise<string> {
  const [token, grant] = await Promise.all([signLicense({ key, claims }), signGrant({ key: by, claims: granted })])
  return encodeLicenseFile({ token, keyCertificate, grant })
}

async function refusalOf(text: string, given: Parameters<typeof verifyLicense>[1] = options): Promise<string> {
  const result = await verifyLicense(text, given)
  return result.valid ? 'valid' : result.reason
}

test('the key of the maker alone verifies grant, root, signing key and license', async () => {
  expect(await verifyLicense(await licenseFile(), options)).toEqual({
    valid: true,
    claims: full,
    clock: 'ok',
    keyId: signer.kid,
    grant: fullGrant,
  })
})

test('a grant holds for FULL licenses long after its last day of import', async () => {
  expect(await refusalOf(await licenseFile(), { ...options, now: at(issuedAt + 3_155_760_000) })).toBe('valid')
  expect(await refusalOf(await licenseFile({ claims: { ...full, iat: issuedAt + 900 * day } }))).toBe('valid')
})

describe('what the grant does not cover', () => {
  test('a license without a grant', async () => {
    const token = await signLicense({ key: signer, claims: full })
    expect(await refusalOf(encodeLicenseFile({ token, keyCertificate }))).toBe('no-grant')
    expect(await refusalOf(token)).toBe('unknown-key')
  })

  test('another app, another license type', async () => {
    const otherApp = await licenseFile({ granted: { ...fullGrant, app: 'com.example.other' } })
    expect(await verifyLicense(otherApp, options)).toMatchObject({ reason: 'grant-other-app', claims: full })
    const otherType = await licenseFile({ granted: termGrant })
    expect(await verifyLicense(otherType, options)).toMatchObject({ reason: 'grant-other-type', claims: full })
  })

  test('another platform', async () => {
    const elsewhere = await licenseFile({ granted: { ...fullGrant, root: stranger.kid } })
    expect(await verifyLicense(elsewhere, options)).toMatchObject({ reason: 'grant-other-platform', claims: null })
  })

  test('a grant by nobody that is known, by a forger, or no grant at all', async () => {
    expect(await refusalOf(await licenseFile({ by: stranger }))).toBe('unknown-key')
    const token = await signLicense({ key: signer, claims: full })
    const header = { alg: 'EdDSA', typ: 'ocelli-grant+jwt', kid: maker.kid }
    const forged = await forge(header, fullGrant, stranger)
    expect(await refusalOf(encodeLicenseFile({ token, keyCertificate, grant: forged }))).toBe('damaged')
    expect(await refusalOf(encodeLicenseFile({ token, keyCertificate, grant: token }))).toBe('damaged')
    expect(await refusalOf(encodeLicenseFile({ token, keyCertificate, grant: 'a.b.c' }))).toBe('damaged')
  })

  test('other devices and apps, as ever', async () => {
    const file = await licenseFile()
    expect(await refusalOf(file, { ...options, deviceId: 'OTHER' })).toBe('other-device')
    expect(await refusalOf(file, { ...options, appId: 'com.example.other' })).toBe('other-app')
  })
})

describe('the root in the certificate', () => {
  async function certified(payload: object, key = root): Promise<string> {
    const [token, , grant = ''] = (await licenseFile()).split('~')
    return `${token}~${await forge(certificateHeader, payload, key)}~${grant}`
  }

  test('counts only when it is the one that the grant names', async () => {
    const good = await certified({ ...oldCertificate, root: toPublicKey(root) })
    expect(await refusalOf(good)).toBe('valid')
    const own = await certified({ ...oldCertificate, root: toPublicKey(stranger) }, stranger)
    expect(await refusalOf(own)).toBe('damaged')
    const renamed = await certified({ ...oldCertificate, root: { ...toPublicKey(stranger), kid: root.kid } }, stranger)
    expect(await refusalOf(renamed)).toBe('damaged')
    const unsigned = await certified({ ...oldCertificate, root: toPublicKey(root) }, stranger)
    expect(await refusalOf(unsigned)).toBe('damaged')
  })

  test('is missing in older certificates, which verify against a pinned root only', async () => {
    const old = await certified(oldCertificate)
    expect(await refusalOf(old)).toBe('unknown-key')
    expect(await refusalOf(old, { ...options, makers: [], trust: [toPublicKey(root)] })).toBe('valid')
    expect(await refusalOf(old, { ...options, trust: [toPublicKey(root)] })).toBe('valid')
  })

  test('does not help a license that another key signed', async () => {
    expect(await refusalOf(await licenseFile({ key: stranger }))).toBe('unknown-key')
  })
})

test('a maker key does not stand in for a root or a signing key', async () => {
  const token = await signLicense({ key: maker, claims: full })
  expect(await refusalOf(token)).toBe('unknown-key')
  const certificate = await certifyKey({ root: maker, subject: signer, issuedAt })
  const signed = await signLicense({ key: signer, claims: full })
  expect(await refusalOf(encodeLicenseFile({ token: signed, keyCertificate: certificate }))).toBe('no-grant')
})

test('a trusted platform key does not stand in for a maker key', async () => {
  const file = await licenseFile({ by: stranger })
  expect(await refusalOf(file, { ...options, trust: [toPublicKey(stranger)] })).toBe('unknown-key')
})

test('a license that a pinned root holds for needs no grant', async () => {
  const file = await licenseFile({ granted: termGrant })
  const result = await verifyLicense(file, { ...options, trust: [toPublicKey(root)] })
  expect(result).toMatchObject({ valid: true, grant: null })
})

describe('terms', () => {
  const { exp: _exp, ...endlessGrant } = termGrant
  const claims = (iat: number, days: number) => ({ ...subscription, iat, exp: iat + days * day })

  test.each([
    ['the term, from the moment of issue', endlessGrant, claims(issuedAt, 30), 'valid'],
    ['the term and a day for clocks', endlessGrant, claims(issuedAt, 31), 'valid'],
    ['longer than that', endlessGrant, claims(issuedAt, 31.001), 'grant-exceeded'],
    ['the term after a late acceptance', endlessGrant, claims(issuedAt + 900 * day, 30), 'valid'],
    // Accepted on the last day at the latest, 30 days of term, one for clocks.
    ['the last day that a dated grant allows', termGrant, { ...claims(issuedAt + 20 * day, 12) }, 'valid'],
    [
      'a second more',
      termGrant,
      { ...claims(issuedAt + 20 * day, 12), exp: issuedAt + 32 * day + 1 },
      'grant-exceeded',
    ],
    ['a renewal without a new grant', termGrant, claims(issuedAt + 30 * day, 30), 'grant-exceeded'],
  ])('%s', async (_what, granted, license, expected) => {
    const exp = Math.floor(license.exp)
    const file = await licenseFile({ claims: { ...license, exp }, granted })
    expect(await refusalOf(file, { ...options, now: at(license.iat) })).toBe(expected)
  })

  test('a trial under a grant lasts no longer than platforms let it', async () => {
    const granted = { ...fullGrant, typ: 'TRIAL' as const }
    const trial = (days: number) => licenseFile({ claims: { ...claims(issuedAt, days), typ: 'TRIAL' }, granted })
    expect(await refusalOf(await trial(365))).toBe('valid')
    expect(await refusalOf(await trial(367))).toBe('grant-exceeded')
  })

  test('what lasts too long is refused before it has ended, and without a clock', async () => {
    const file = await licenseFile({ claims: claims(issuedAt, 400), granted: termGrant })
    expect(await refusalOf(file, { ...options, now: null })).toBe('grant-exceeded')
    expect(await refusalOf(file, { ...options, now: at(issuedAt + 500 * day) })).toBe('grant-exceeded')
  })

  test('an ended one is expired', async () => {
    const file = await licenseFile({ claims: claims(issuedAt, 30), granted: termGrant })
    expect(await refusalOf(file, { ...options, now: at(issuedAt + 30 * day) })).toBe('expired')
  })
})
