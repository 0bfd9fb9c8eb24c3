import { createPublicKey, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { toPublicKey, verifyLicense } from '../src/index.ts'
import { makeVectors, type Vectors } from './vectors.ts'

const path = new URL('../../../docs/license-vectors.json', import.meta.url)
const published = JSON.parse(await readFile(path, 'utf8')) as Vectors

test('the published vectors are what is signed today: files in the field depend on it', async () => {
  expect(published).toEqual(await makeVectors())
})

describe('a verifier that follows docs/app-makers.md', () => {
  test.each(published.cases)('$name', async ({ trust, makers, deviceId, appId, nowSeconds, file, expected }) => {
    const result = await verifyLicense(file, {
      trust: trust.map((name) => toPublicKey(published.keys[name])),
      makers: makers.map((name) => toPublicKey(published.keys[name])),
      deviceId,
      appId,
      now: nowSeconds === null ? null : new Date(nowSeconds * 1000),
    })
    expect(result).toMatchObject(expected)
  })
})

test('the layout is a plain JWS: another Ed25519 implementation verifies it', () => {
  const { header, payload, signatureHex } = published.layout
  const text = (json: string) => Buffer.from(json).toString('base64url')
  const [token] = (published.cases[0]?.file ?? '').split('~')
  const signature = Buffer.from(signatureHex, 'hex')
  expect(token).toBe(`${text(header)}.${text(payload)}.${signature.toString('base64url')}`)
  const { kty, crv, x } = published.keys.signer
  const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
  expect(verify(null, Buffer.from(`${text(header)}.${text(payload)}`), key, signature)).toBe(true)
  expect(verify(null, Buffer.from(`${text(header)}.${text(`${payload} `)}`), key, signature)).toBe(false)
})

test('every reason to refuse has a vector', () => {
  const reasons = new Set(published.cases.map(({ expected }) => (expected.valid ? 'valid' : expected.reason)))
  expect([...reasons].sort()).toEqual([
    'damaged',
    'expired',
    'grant-exceeded',
    'grant-other-app',
    'grant-other-platform',
    'grant-other-type',
    'no-grant',
    'other-app',
    'other-device',
    'unknown-key',
    'valid',
  ])
})
