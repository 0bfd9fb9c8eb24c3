import { expect, test } from 'vitest'
import { receipt, signer, stranger } from '../test/fixed-keys.ts'
import { forge } from '../test/forge.ts'
import { type ReceiptClaims, signReceipt, toPublicKey, verifyReceipt } from './index.ts'

const options = { trust: [toPublicKey(signer)] }
const header = { alg: 'EdDSA', typ: 'ocelli-receipt+jwt', kid: signer.kid }
const [entry] = receipt.entries

test.each([
  ['with a bundle', receipt],
  ['without one', { ...receipt, bundle: null }],
  ['of a removal', { ...receipt, entries: [{ ...entry, result: 'REMOVED', version: null }] }],
  ['of a failure', { ...receipt, entries: [{ ...entry, result: 'FAILED', detail: 'The camera refused it.' }] }],
  ['without entries', { ...receipt, entries: [] }],
])('a receipt %s verifies against the key that signed it', async (_what, given) => {
  const claims = given as ReceiptClaims
  const text = await signReceipt({ key: signer, claims })
  expect(await verifyReceipt(`${text}\n`, options)).toEqual({ valid: true, claims, keyId: signer.kid })
})

test('a receipt by a key that is not enrolled, or in the name of one, is refused', async () => {
  const foreign = await signReceipt({ key: stranger, claims: receipt })
  expect(await verifyReceipt(foreign, options)).toMatchObject({ valid: false, reason: 'unknown-key' })
  const forged = await forge(header, receipt, stranger)
  expect(await verifyReceipt(forged, options)).toMatchObject({ valid: false, reason: 'damaged' })
  const text = await signReceipt({ key: signer, claims: receipt })
  expect(await verifyReceipt(text, { trust: [] })).toMatchObject({ valid: false, reason: 'unknown-key' })
})

test('a statement of another kind is no receipt', async () => {
  for (const typ of ['ocelli-bundle+jwt', 'ocelli-grant+jwt', 'ocelli-license+jwt', 'JWT']) {
    const text = await forge({ ...header, typ }, receipt, signer)
    expect(await verifyReceipt(text, options)).toMatchObject({ valid: false, reason: 'damaged' })
  }
})

test.each([
  ['no UUID', { jti: 'receipt-1' }],
  ['a bundle that is no UUID', { bundle: 'bundle-1' }],
  ['no bundle at all', { bundle: undefined }],
  ['no time', { iat: undefined }],
  ['no entries', { entries: undefined }],
  ['an unknown result', { entries: [{ ...entry, result: 'LOST' }] }],
  ['a license that is no UUID', { entries: [{ ...entry, licenseId: '*' }] }],
  ['a nonce of 15 bytes', { entries: [{ ...entry, nonce: 'AAECAwQFBgcICQoLDA0O' }] }],
  ['another spelling of a nonce', { entries: [{ ...entry, nonce: 'AAECAwQFBgcICQoLDA0ODx' }] }],
  ['an endless nonce', { entries: [{ ...entry, nonce: 'A'.repeat(100_000) }] }],
  ['a novel for a detail', { entries: [{ ...entry, detail: 'x'.repeat(1001) }] }],
  ['an entry that is a list', { entries: [[entry]] }],
])('a receipt with %s is not signed, and damaged when somebody does', async (_what, change) => {
  const wrong = { ...receipt, ...change } as unknown as ReceiptClaims
  await expect(signReceipt({ key: signer, claims: wrong })).rejects.toThrow(TypeError)
  expect(await verifyReceipt(await forge(header, wrong, signer), options)).toMatchObject({ reason: 'damaged' })
})

test('eight thousand entries fit, more than 4 MiB are not signed', async () => {
  const entries = (count: number) => Array.from({ length: count }, () => receipt.entries).flat()
  const text = await signReceipt({ key: signer, claims: { ...receipt, entries: entries(8000) } })
  expect(await verifyReceipt(text, options)).toMatchObject({ valid: true })
  const claims = { ...receipt, entries: entries(20_000) }
  await expect(signReceipt({ key: signer, claims })).rejects.toThrow(RangeError)
})
