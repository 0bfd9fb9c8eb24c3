import {
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { expect, test } from 'vitest'
import type { SealingJwk } from '../index.ts'
import { sealCameraLogin } from './camera-login.ts'
import { sealFor } from './seal.ts'

function makeKey(): { publicKey: SealingJwk; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return { publicKey: publicKey.export({ format: 'jwk' }) as SealingJwk, privateKey }
}

const bytesOf = (text: string) => Buffer.from(text, 'base64url')
const counted = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes])

/** Opens a JWE step by step with Node's own cryptography, RFC 7516 section 5.2 and RFC 7518 section 4.6. */
function open(jwe: string, privateKey: KeyObject): { text: string; purpose: string; kid: string | undefined } {
  const [head = '', key, iv = '', ciphertext = '', tag = ''] = jwe.split('.')
  expect(key).toBe('')
  const header = JSON.parse(bytesOf(head).toString()) as {
    alg: string
    enc: string
    apv: string
    kid?: string
    epk: object
  }
  expect(header).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM', epk: { kty: 'OKP', crv: 'X25519' } })
  const shared = diffieHellman({ privateKey, publicKey: createPublicKey({ key: header.epk, format: 'jwk' } as never) })
  const derived = createHash('sha256')
    .update(
      Buffer.concat([Buffer.from([0, 0, 0, 1]), shared, counted(Buffer.from('A256GCM')), counted(Buffer.alloc(0))]),
    )
    .update(Buffer.concat([counted(bytesOf(header.apv)), Buffer.from([0, 0, 1, 0])]))
    .digest()
  const decipher = createDecipheriv('aes-256-gcm', derived, bytesOf(iv)).setAAD(Buffer.from(head))
  decipher.setAuthTag(bytesOf(tag))
  const text = Buffer.concat([decipher.update(bytesOf(ciphertext)), decipher.final()]).toString()
  return { text, purpose: bytesOf(header.apv).toString(), kid: header.kid }
}

test('what is sealed opens with the private key, and names its purpose', async () => {
  const { publicKey, privateKey } = makeKey()
  const sealed = await sealFor({ ...publicKey, kid: 'the-key' }, 'grüße', { purpose: 'ocelli:test' })
  expect(open(sealed, privateKey)).toEqual({ text: 'grüße', purpose: 'ocelli:test', kid: 'the-key' })
})

test('another key does not open it, and no other purpose can be put in', async () => {
  const { publicKey, privateKey } = makeKey()
  const sealed = await sealFor(publicKey, 'text', { purpose: 'ocelli:test' })
  expect(() => open(sealed, makeKey().privateKey)).toThrow(/authenticate/)
  const [head = '', ...rest] = sealed.split('.')
  const header = JSON.parse(bytesOf(head).toString()) as object
  const turned = Buffer.from(JSON.stringify({ ...header, apv: Buffer.from('ocelli:other').toString('base64url') }))
  expect(() => open([turned.toString('base64url'), ...rest].join('.'), privateKey)).toThrow(/authenticate/)
})

test('the same text is never sealed alike, and the length tells nothing of the password', async () => {
  const { publicKey, privateKey } = makeKey()
  const purpose = { kind: 'claim', gatewayId: 'G', address: '192.0.2.1' } as const
  const sealed = await Promise.all(
    ['a', 'a', 'a much longer pässword'].map((password) =>
      sealCameraLogin(publicKey, { user: 'admin', password }, purpose),
    ),
  )
  expect(new Set(sealed).size).toBe(3)
  expect(new Set(sealed.map(({ length }) => length)).size).toBe(1)
  const [, , last = ''] = sealed
  const { text, purpose: named } = open(last, privateKey)
  expect(JSON.parse(text)).toEqual({ user: 'admin', password: 'a much longer pässword' })
  expect(named).toBe('ocelli:claim:G:192.0.2.1')
})

test('what is no X25519 key is refused with a sentence', async () => {
  const { publicKey } = makeKey()
  await expect(sealFor({ ...publicKey, x: 'AA' }, 'text', { purpose: 'p' })).rejects.toMatchObject({
    kind: 'invalid-options',
  })
})
