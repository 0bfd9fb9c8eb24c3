import { expect, test } from 'vitest'
import { appId, at, deviceId, full, issuedAt, root, signer, stranger, subscription } from '../test/fixed-keys.ts'
import { certifyKey, encodeLicenseFile, signLicense, toPublicKey, verifyLicense } from './index.ts'

const options = { trust: [toPublicKey(root)], deviceId, appId, now: at(issuedAt + 60) }
const keyCertificate = await certifyKey({ root, subject: signer, issuedAt })

async function licenseFile(claims = full): Promise<string> {
  return encodeLicenseFile({ token: await signLicense({ key: signer, claims }), keyCertificate })
}

test('a license file verifies against the root alone', async () => {
  const result = await verifyLicense(await licenseFile(), options)
  expect(result).toEqual({ valid: true, claims: full, clock: 'ok', keyId: signer.kid, grant: null })
})

test('a bare token verifies against its signing key', async () => {
  const token = await signLicense({ key: signer, claims: subscription })
  const result = await verifyLicense(`\uFEFF${token}\r\n`, { ...options, trust: [toPublicKey(signer)] })
  expect(result).toEqual({ valid: true, claims: subscription, clock: 'ok', keyId: signer.kid, grant: null })
})

test('licenses signed before a rotation stay valid under the same root', async () => {
  const next = await certifyKey({ root, subject: stranger, issuedAt: issuedAt + 1 })
  const token = await signLicense({ key: stranger, claims: full })
  const after = await verifyLicense(encodeLicenseFile({ token, keyCertificate: next }), options)
  expect(after).toMatchObject({ valid: true, keyId: stranger.kid })
  expect(await verifyLicense(await licenseFile(), options)).toMatchObject({ valid: true, keyId: signer.kid })
})

test('a grant in the file does not disturb', async () => {
  const token = await signLicense({ key: signer, claims: full })
  const result = await verifyLicense(encodeLicenseFile({ token, keyCertificate, grant: 'a.b.c' }), options)
  expect(result.valid).toBe(true)
})

test.each([
  ['a clock in 1970', at(0)],
  ['a clock one second before the license', at(issuedAt - 1)],
  ['no clock', null],
  ['a broken clock', new Date(Number.NaN)],
])('with %s every license type is valid and the clock is reported unreliable', async (_what, now) => {
  for (const claims of [full, subscription, { ...subscription, typ: 'TRIAL' as const }]) {
    const result = await verifyLicense(await licenseFile(claims), { ...options, now })
    expect(result).toEqual({ valid: true, claims, clock: 'clock-unreliable', keyId: signer.kid, grant: null })
  }
})

test('the clock is reliable from the second of issue on', async () => {
  const result = await verifyLicense(await licenseFile(), { ...options, now: at(issuedAt) })
  expect(result).toMatchObject({ valid: true, clock: 'ok' })
})

test('a FULL license is valid in a hundred years', async () => {
  const result = await verifyLicense(await licenseFile(), { ...options, now: at(issuedAt + 3_155_760_000) })
  expect(result).toMatchObject({ valid: true, clock: 'ok' })
})

test.each(['TRIAL', 'SUBSCRIPTION'] as const)('a %s license ends at its exp, to the second', async (typ) => {
  const claims = { ...subscription, typ }
  const file = await licenseFile(claims)
  expect(await verifyLicense(file, { ...options, now: at(issuedAt + 3599) })).toMatchObject({ valid: true })
  const ended = await verifyLicense(file, { ...options, now: at(issuedAt + 3600) })
  expect(ended).toEqual({ valid: false, reason: 'expired', detail: expect.any(String), claims })
})

test('a license of another device or app is refused and says whose it is', async () => {
  const file = await licenseFile()
  const otherDevice = await verifyLicense(file, { ...options, deviceId: deviceId.toLowerCase() })
  expect(otherDevice).toMatchObject({ valid: false, reason: 'other-device', claims: full })
  const otherApp = await verifyLicense(file, { ...options, appId: 'com.example.Counter' })
  expect(otherApp).toMatchObject({ valid: false, reason: 'other-app', claims: full })
})

test('a key in trust that is no key is the caller fault and rejects', async () => {
  const trust = [{ ...toPublicKey(root), x: 'AAAA' }]
  await expect(verifyLicense(await licenseFile(), { ...options, trust })).rejects.toThrow()
})
