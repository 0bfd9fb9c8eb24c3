import { expect, test } from 'vitest'
import { appId, at, fullGrant, issuedAt, maker, root, stranger, termGrant } from '../test/fixed-keys.ts'
import { forge } from '../test/forge.ts'
import { readUnverifiedGrant, signGrant, toPublicKey, verifyGrant } from './index.ts'

const options = { trust: [toPublicKey(maker)], appId, rootThumbprint: root.kid, now: at(issuedAt) }
const header = { alg: 'EdDSA', typ: 'ocelli-grant+jwt', kid: maker.kid }

test.each([fullGrant, termGrant, { ...fullGrant, typ: 'TRIAL' as const }])('a $typ grant verifies', async (claims) => {
  const grant = await signGrant({ key: maker, claims })
  expect(await verifyGrant(` ${grant}\r\n`, options)).toEqual({ valid: true, claims, keyId: maker.kid })
})

test('a grant without exp is accepted at any time, with exp until that second', async () => {
  const { exp: _exp, ...endless } = fullGrant
  const late = at(issuedAt + 3_155_760_000)
  const grant = await signGrant({ key: maker, claims: endless })
  expect(await verifyGrant(grant, { ...options, now: late })).toMatchObject({ valid: true, claims: endless })
  const dated = await signGrant({ key: maker, claims: fullGrant })
  expect(await verifyGrant(dated, { ...options, now: at(issuedAt + 86_399) })).toMatchObject({ valid: true })
  const ended = await verifyGrant(dated, { ...options, now: at(issuedAt + 86_400) })
  expect(ended).toEqual({ valid: false, reason: 'expired', detail: expect.any(String), claims: fullGrant })
  expect(await verifyGrant(dated, { ...options, now: new Date(Number.NaN) })).toMatchObject({ reason: 'expired' })
})

test('a grant for another app or platform, or by another maker, is refused', async () => {
  const grant = await signGrant({ key: maker, claims: fullGrant })
  expect(await verifyGrant(grant, { ...options, appId: 'com.example.other' })).toMatchObject({
    reason: 'other-app',
    claims: fullGrant,
  })
  expect(await verifyGrant(grant, { ...options, rootThumbprint: stranger.kid })).toMatchObject({
    reason: 'other-platform',
    claims: fullGrant,
  })
  expect(await verifyGrant(grant, { ...options, trust: [toPublicKey(stranger)] })).toMatchObject({
    reason: 'unknown-key',
    claims: null,
  })
})

test.each([
  ['no UUID', { ...fullGrant, jti: 'grant-1' }],
  ['no app', { ...fullGrant, app: '' }],
  ['an unknown type', { ...fullGrant, typ: 'GIFT' }],
  ['no units', { ...fullGrant, qty: 0 }],
  ['half a unit', { ...fullGrant, qty: 1.5 }],
  ['more units than a platform counts', { ...fullGrant, qty: 2 ** 31 }],
  ['no order', { ...fullGrant, ord: '' }],
  ['a very long order', { ...fullGrant, ord: 'x'.repeat(201) }],
  ['an end before its beginning', { ...fullGrant, exp: fullGrant.iat }],
  ['a FULL grant with a term', { ...fullGrant, term: 30 }],
  ['a SUBSCRIPTION grant without term', { ...termGrant, term: undefined }],
  ['a term of nothing', { ...termGrant, term: 0 }],
  ['a term longer than a life', { ...termGrant, term: 36_501 }],
  ['no platform', { ...fullGrant, root: '' }],
])('a grant with %s is not signed, and damaged when somebody does', async (_what, claims) => {
  const wrong = claims as typeof fullGrant
  await expect(signGrant({ key: maker, claims: wrong })).rejects.toThrow(TypeError)
  const forged = await forge(header, claims, maker)
  expect(await verifyGrant(forged, options)).toMatchObject({ reason: 'damaged', claims: null })
  expect(readUnverifiedGrant(forged)).toBeNull()
})

test('a grant signed in the name of the maker is damaged', async () => {
  const forged = await forge(header, fullGrant, stranger)
  expect(await verifyGrant(forged, options)).toMatchObject({ reason: 'damaged' })
  expect(readUnverifiedGrant(forged)).toEqual({ claims: fullGrant, keyId: maker.kid })
})
