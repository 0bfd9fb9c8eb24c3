import { expect, test } from 'vitest'
import { full, issuedAt, root, signer, subscription } from '../test/fixed-keys.ts'
import { decodeBase64url } from './base64url.ts'
import { certifyKey, signLicense, signLicenses } from './issue.ts'
import { toPublicKey } from './private-key.ts'

function json(jws: string, part: 0 | 1): unknown {
  return JSON.parse(new TextDecoder().decode(decodeBase64url(jws.split('.')[part] ?? '') ?? undefined))
}

test('a license token names algorithm, type and key, and holds the claims', async () => {
  const token = await signLicense({ key: signer, claims: subscription })
  expect(json(token, 0)).toEqual({ alg: 'EdDSA', typ: 'ocelli-license+jwt', kid: signer.kid })
  expect(json(token, 1)).toEqual(subscription)
})

test('a key certificate holds the public keys of subject and root, never a secret', async () => {
  const certificate = await certifyKey({ root, subject: signer, issuedAt })
  expect(json(certificate, 0)).toEqual({ alg: 'EdDSA', typ: 'ocelli-key+jwt', kid: root.kid })
  expect(json(certificate, 1)).toEqual({
    sub: signer.kid,
    jwk: toPublicKey(signer),
    iat: issuedAt,
    root: toPublicKey(root),
  })
})

test('the same license signed twice is the same text', async () => {
  const first = await signLicense({ key: signer, claims: full })
  expect(await signLicense({ key: signer, claims: full })).toBe(first)
})

test('many licenses are signed as each alone, in their order', async () => {
  const alone = [
    await signLicense({ key: signer, claims: subscription }),
    await signLicense({ key: signer, claims: full }),
  ]
  expect(await signLicenses({ key: signer, claims: [subscription, full] })).toEqual(alone)
})

test('of many licenses none is signed when the claims of one are wrong', async () => {
  const claims = [full, { ...full, jti: '' }]
  await expect(signLicenses({ key: signer, claims })).rejects.toThrow(/jti/)
})

test('members beyond the claims are not signed', async () => {
  const claims = { ...full, password: 'secret' }
  expect(json(await signLicense({ key: signer, claims }), 1)).toEqual(full)
})

test.each([
  ['jti', { ...full, jti: '' }],
  ['sub', { ...full, sub: 'x'.repeat(256) }],
  ['sub', { ...full, sub: 'half of a pair \ud800' }],
  ['app', { ...full, app: '' }],
  ['ord', { ...full, ord: '' }],
  ['iat', { ...full, iat: 1.5 }],
  ['iat', { ...full, iat: -1 }],
  ['exp', { ...full, exp: issuedAt + 1 }],
  ['exp', { ...full, typ: 'TRIAL' as const }],
  ['exp', { ...subscription, exp: issuedAt }],
])('claims with a wrong %s are not signed', async (claim, claims) => {
  await expect(signLicense({ key: signer, claims })).rejects.toThrow(new RegExp(claim))
})

test('an unknown license type is not signed', async () => {
  const claims = Object.assign({}, full, { typ: 'LIFETIME' })
  await expect(signLicense({ key: signer, claims })).rejects.toThrow(/typ/)
})

test('a key whose kid is not its thumbprint is not certified', async () => {
  await expect(certifyKey({ root, subject: { ...signer, kid: root.kid }, issuedAt })).rejects.toThrow(TypeError)
})

test('a root whose kid is not its thumbprint certifies nothing', async () => {
  const renamed = { ...root, kid: signer.kid }
  await expect(certifyKey({ root: renamed, subject: signer, issuedAt })).rejects.toThrow(TypeError)
})

test('a certificate is not dated with half seconds', async () => {
  await expect(certifyKey({ root, subject: signer, issuedAt: 0.5 })).rejects.toThrow(/whole seconds/)
})
