import { expect, test } from 'vitest'
import { root, signer } from '../test/fixed-keys.ts'
import { parsePublicKey, thumbprint } from './keys.ts'
import { generateLicenseKey, toPublicKey } from './private-key.ts'

test('the thumbprint is the one of RFC 8037 appendix A.3', async () => {
  expect(await thumbprint(root)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
})

test('a generated key carries its own thumbprint and differs from the next one', async () => {
  const { privateKey, publicKey } = await generateLicenseKey()
  expect(publicKey.kid).toBe(await thumbprint(publicKey))
  expect(privateKey).toEqual({ ...publicKey, d: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) })
  expect((await generateLicenseKey()).publicKey.x).not.toBe(publicKey.x)
})

test('the public half holds no secret', () => {
  expect(toPublicKey(signer)).toEqual({ kty: 'OKP', crv: 'Ed25519', x: signer.x, kid: signer.kid })
})

test('reading a key drops members that are not its own, the secret among them', async () => {
  expect(await parsePublicKey({ ...signer, use: 'sig' })).toEqual(toPublicKey(signer))
})

test.each([
  ['nothing', null],
  ['a list', [signer]],
  ['another key type', { ...signer, kty: 'EC' }],
  ['another curve', { ...signer, crv: 'X25519' }],
  ['no x', { ...signer, x: undefined }],
  ['a short x', { ...signer, x: signer.x.slice(0, 42) }],
  ['another key than its kid names', { ...signer, x: root.x }],
])('%s is not a public key', async (_what, value) => {
  expect(await parsePublicKey(value)).toBeNull()
})
