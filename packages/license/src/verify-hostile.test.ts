import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { appId, at, deviceId, full, issuedAt, root, signer, stranger } from '../test/fixed-keys.ts'
import { forge as forgeJws } from '../test/forge.ts'
import { encodeBase64url } from './base64url.ts'
import { certifyKey, encodeLicenseFile, signLicense, toPublicKey, verifyLicense } from './index.ts'

const options = { trust: [toPublicKey(root)], deviceId, appId, now: at(issuedAt + 60) }
const bareOptions = { ...options, trust: [toPublicKey(signer)] }
const token = await signLicense({ key: signer, claims: full })
const keyCertificate = await certifyKey({ root, subject: signer, issuedAt })
const file = encodeLicenseFile({ token, keyCertificate })
const header = { alg: 'EdDSA', typ: 'ocelli-license+jwt', kid: signer.kid }

function forge(anyHeader: object | string, payload: object | string | Uint8Array, key = signer): Promise<string> {
  return forgeJws(anyHeader, payload, key)
}

function parts(jws: string): [string, string, string] {
  const [head = '', payload = '', signature = ''] = jws.split('.')
  return [head, payload, signature]
}

async function refusalOf(text: string, given = options): Promise<string> {
  const result = await verifyLicense(text, given)
  return result.valid ? 'valid' : result.reason
}

test('the forge makes valid tokens when nothing is wrong', async () => {
  expect(await refusalOf(await forge(header, full), bareOptions)).toBe('valid')
})

describe('headers', () => {
  test.each([
    ['none', { ...header, alg: 'none' }],
    ['HS256', { ...header, alg: 'HS256' }],
    ['the fully specified Ed25519', { ...header, alg: 'Ed25519' }],
    ['another case', { ...header, alg: 'EDDSA' }],
    ['no algorithm', { typ: header.typ, kid: header.kid }],
    ['the type of a key certificate', { ...header, typ: 'ocelli-key+jwt' }],
    ['the generic type', { ...header, typ: 'JWT' }],
    ['no type', { alg: header.alg, kid: header.kid }],
    ['no key id', { alg: header.alg, typ: header.typ }],
    ['an empty key id', { ...header, kid: '' }],
    ['a numeric key id', { ...header, kid: 7 }],
    ['a critical extension', { ...header, crit: ['b64'], b64: false }],
    ['a list', [header]],
    ['no JSON', 'EdDSA'],
    ['an overlong nest', '['.repeat(10_000)],
  ])('a token whose header has %s is damaged', async (_what, anyHeader) => {
    expect(await refusalOf(await forge(anyHeader, full), bareOptions)).toBe('damaged')
  })

  test('an unsigned token is damaged', async () => {
    const none = encodeBase64url(new TextEncoder().encode(JSON.stringify({ ...header, alg: 'none' })))
    expect(await refusalOf(`${none}.${parts(token)[1]}.`, bareOptions)).toBe('damaged')
  })

  test('a key that the token brings itself is not used', async () => {
    const forged = await forge({ ...header, kid: stranger.kid, jwk: toPublicKey(stranger) }, full, stranger)
    expect(await refusalOf(forged, bareOptions)).toBe('unknown-key')
    expect(await refusalOf(await forge(header, full, stranger), bareOptions)).toBe('damaged')
  })
})

describe('payloads', () => {
  test.each([
    ['a FULL license with an end', { ...full, exp: issuedAt + 1 }],
    ['a TRIAL without end', { ...full, typ: 'TRIAL' }],
    ['an end that is no number', { ...full, typ: 'TRIAL', exp: '9999999999' }],
    ['an unknown type', { ...full, typ: 'GIFT' }],
    ['no device', { ...full, sub: undefined }],
    ['no time of issue', { ...full, iat: undefined }],
    ['a list', [full]],
    ['no JSON', 'license'],
    ['null', 'null'],
  ])('%s is damaged even when signed', async (_what, payload) => {
    const result = await verifyLicense(await forge(header, payload), bareOptions)
    expect(result).toMatchObject({ valid: false, reason: 'damaged', claims: null })
  })

  test('bytes that are not UTF-8 are damaged', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...full, note: 'x' }))
    expect(await refusalOf(await forge(header, bytes), bareOptions)).toBe('valid')
    bytes[bytes.indexOf(0x78)] = 0xff
    expect(await refusalOf(await forge(header, bytes), bareOptions)).toBe('damaged')
  })

  test('claims that a later version adds are let pass and not handed on', async () => {
    const result = await verifyLicense(await forge(header, { ...full, seats: 3 }), bareOptions)
    expect(result).toEqual({ valid: true, claims: full, clock: 'ok', keyId: signer.kid, grant: null })
  })
})

describe('who vouches for whom', () => {
  test('a bare token is not enough when only the root is trusted', async () => {
    expect(await refusalOf(token)).toBe('unknown-key')
  })

  test('nothing is valid when nothing is trusted', async () => {
    expect(await refusalOf(file, { ...options, trust: [] })).toBe('unknown-key')
  })

  test('a certificate by another root is not accepted', async () => {
    const foreign = await certifyKey({ root: stranger, subject: signer, issuedAt })
    expect(await refusalOf(`${token}~${foreign}`)).toBe('unknown-key')
    const certificateHeader = { alg: 'EdDSA', typ: 'ocelli-key+jwt', kid: root.kid }
    const payload = { sub: signer.kid, jwk: toPublicKey(signer), iat: issuedAt }
    const disguised = await forge(certificateHeader, payload, stranger)
    expect(await refusalOf(`${token}~${disguised}`)).toBe('damaged')
  })

  test('a certified signing key cannot certify further keys', async () => {
    const chained = await certifyKey({ root: signer, subject: stranger, issuedAt })
    const forged = await signLicense({ key: stranger, claims: full })
    expect(await refusalOf(`${forged}~${chained}`)).toBe('unknown-key')
    expect(await refusalOf(`${forged}~${keyCertificate}`)).toBe('unknown-key')
  })

  test('a certificate must name one key, by id and by its own bytes', async () => {
    const certificateHeader = { alg: 'EdDSA', typ: 'ocelli-key+jwt', kid: root.kid }
    const jwk = toPublicKey(signer)
    const certify = (payload: object) => forge(certificateHeader, payload, root)
    const good = await certify({ sub: signer.kid, jwk, iat: issuedAt })
    expect(await refusalOf(`${token}~${good}`)).toBe('valid')
    const wrong = [
      { sub: stranger.kid, jwk },
      { sub: signer.kid, jwk: { ...jwk, x: stranger.x } },
      { sub: signer.kid, jwk: null },
      { sub: signer.kid, jwk: { ...jwk, crv: 'P-256' } },
    ]
    for (const payload of wrong) expect(await refusalOf(`${token}~${await certify(payload)}`)).toBe('damaged')
  })

  test('certificate and license cannot stand in for each other', async () => {
    expect(await refusalOf(keyCertificate)).toBe('damaged')
    expect(await refusalOf(`${keyCertificate}~${token}`)).toBe('damaged')
    expect(await refusalOf(`${token}~${token}`)).toBe('damaged')
    const licenseAsCertificate = await forge({ ...header, kid: root.kid }, { sub: signer.kid, jwk: signer }, root)
    expect(await refusalOf(`${token}~${licenseAsCertificate}`)).toBe('damaged')
  })
})

describe('changed texts', () => {
  test('parts of two good licenses do not mix', async () => {
    const other = await signLicense({ key: signer, claims: { ...full, sub: 'OTHER' } })
    const [headA, payloadA, signatureA] = parts(token)
    const [headB, payloadB, signatureB] = parts(other)
    expect(await refusalOf(`${headA}.${payloadA}.${signatureB}`, bareOptions)).toBe('damaged')
    expect(await refusalOf(`${headB}.${payloadB}.${signatureA}`, bareOptions)).toBe('damaged')
    expect(await refusalOf(`${payloadA}.${headA}.${signatureA}`, bareOptions)).toBe('damaged')
  })

  test('another spelling of the same signature is damaged', async () => {
    const [head, payload, signature] = parts(token)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    // 64 bytes leave four unused bits in the last character.
    const sibling = alphabet[alphabet.indexOf(signature.slice(-1)) + 1] ?? ''
    expect(Buffer.from(signature.slice(0, -1) + sibling, 'base64url')).toEqual(Buffer.from(signature, 'base64url'))
    expect(await refusalOf(`${head}.${payload}.${signature.slice(0, -1)}${sibling}`, bareOptions)).toBe('damaged')
    expect(await refusalOf(`${token}==`, bareOptions)).toBe('damaged')
    expect(await refusalOf(token.replaceAll('_', '/').replaceAll('-', '+'), bareOptions)).toBe('damaged')
  })

  test('a signature with the group order added is damaged', async () => {
    const [head, payload, signature] = parts(token)
    const bytes = Uint8Array.from(Buffer.from(signature, 'base64url'))
    const order = Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex')
    let carry = 0
    for (let index = 0; index < 32; index++) {
      const sum = (bytes[32 + index] ?? 0) + (order[index] ?? 0) + carry
      bytes[32 + index] = sum & 0xff
      carry = sum >> 8
    }
    expect(await refusalOf(`${head}.${payload}.${encodeBase64url(bytes)}`, bareOptions)).toBe('damaged')
  })

  test('every flipped bit of every part is noticed', async () => {
    for (let index = 0; index < file.length; index++) {
      const bit = 1 << (index % 7)
      const flipped = String.fromCharCode(file.charCodeAt(index) ^ bit)
      // A white space at the very end is trimmed, not a change of the license; none arises from one flipped bit here.
      const changed = file.slice(0, index) + flipped + file.slice(index + 1)
      expect(await refusalOf(changed), `bit ${bit} at ${index}`).not.toBe('valid')
    }
  })

  test('no mutation verifies, and none throws', async () => {
    const edit = fc.record({
      at: fc.nat({ max: file.length }),
      drop: fc.nat({ max: 40 }),
      insert: fc.string({ unit: fc.constantFrom('A', '_', '-', '.', '~', '=', ' ', '\0', 'é', '"'), maxLength: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        let text = file
        for (const { at: start, drop, insert } of edits) {
          text = text.slice(0, start) + insert + text.slice(start + drop)
        }
        fc.pre(text.trim() !== file)
        expect(await refusalOf(text)).not.toBe('valid')
      }),
      { numRuns: 2000, seed: 20_260_101 },
    )
  })

  test('any text at all gets an answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 400 }), async (text) => {
        expect(await refusalOf(text)).toBe('damaged')
      }),
      { numRuns: 1000, seed: 20_260_102 },
    )
  })

  test('a megabyte of text is refused without being read', async () => {
    expect(await refusalOf(`${file}~${'a'.repeat(1_000_000)}`)).toBe('damaged')
  })
})
