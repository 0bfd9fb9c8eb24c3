import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as fixed from '../test/fixed-keys.ts'
import { forge } from '../test/forge.ts'
import * as api from './index.ts'

const { appId, at, bundleOf, deviceId, full, fullGrant, issuedAt, maker, receipt, root, signer } = fixed
const { certifyKey, encodeLicenseFile, signBundle, signGrant, signLicense, signReceipt, toPublicKey } = api
const keyCertificate = await certifyKey({ root, subject: signer, issuedAt })
const grant = await signGrant({ key: maker, claims: fullGrant })
const token = await signLicense({ key: signer, claims: full })
const makers = [toPublicKey(maker)]
const now = at(issuedAt + 60)
const bundleOptions = { keyCertificate, rootThumbprint: root.kid, now }
const bundle = await signBundle({ key: signer, claims: bundleOf([deviceId]) })

type Verdict = { valid: true } | { valid: false; reason: string; detail: string }
interface Kind {
  name: string
  good: string
  typ: string
  key: api.PrivateLicenseKey
  claims: object
  verify: (text: string) => Promise<Verdict>
}

const kinds: Kind[] = [
  {
    name: 'license with grant',
    good: encodeLicenseFile({ token, keyCertificate, grant }),
    typ: 'ocelli-license+jwt',
    key: signer,
    claims: full,
    verify: (text) => api.verifyLicense(text, { makers, deviceId, appId, now }),
  },
  {
    name: 'grant',
    good: grant,
    typ: 'ocelli-grant+jwt',
    key: maker,
    claims: fullGrant,
    verify: (text) => api.verifyGrant(text, { trust: makers, appId, rootThumbprint: root.kid, now }),
  },
  {
    name: 'bundle',
    good: bundle,
    typ: 'ocelli-bundle+jwt',
    key: signer,
    claims: bundleOf([deviceId]),
    verify: (text) => api.verifyBundle(text, bundleOptions),
  },
  {
    name: 'certificate of a bundle',
    good: keyCertificate,
    typ: 'ocelli-key+jwt',
    key: root,
    claims: { sub: signer.kid, jwk: toPublicKey(signer), iat: issuedAt, root: toPublicKey(root) },
    verify: (text) => api.verifyBundle(bundle, { ...bundleOptions, keyCertificate: text }),
  },
  {
    name: 'receipt',
    good: await signReceipt({ key: signer, claims: receipt }),
    typ: 'ocelli-receipt+jwt',
    key: signer,
    claims: receipt,
    verify: (text) => api.verifyReceipt(text, { trust: [toPublicKey(signer)] }),
  },
]

async function verdictOf(kind: Kind, text: string): Promise<string> {
  const verdict = await kind.verify(text)
  if (verdict.valid) return 'valid'
  expect(verdict.detail).toMatch(/\.$/)
  return verdict.reason
}

describe.each(kinds)('a hostile $name', (kind) => {
  test('is what the good one is not', async () => {
    expect(await verdictOf(kind, kind.good)).toBe('valid')
  })

  test('never verifies with a bit flipped', async () => {
    for (let index = 0; index < kind.good.length; index++) {
      const flipped = String.fromCharCode(kind.good.charCodeAt(index) ^ (1 << (index % 7)))
      const changed = kind.good.slice(0, index) + flipped + kind.good.slice(index + 1)
      expect(await verdictOf(kind, changed), `at ${index}`).not.toBe('valid')
    }
  })

  test('never verifies cut or joined', async () => {
    const edit = fc.record({
      at: fc.nat({ max: kind.good.length }),
      drop: fc.nat({ max: 60 }),
      insert: fc.string({ unit: fc.constantFrom('A', '_', '.', '~', '=', ' ', '\0', 'é', '{'), maxLength: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(edit, async ({ at: start, drop, insert }) => {
        const text = kind.good.slice(0, start) + insert + kind.good.slice(start + drop)
        fc.pre(text.trim() !== kind.good)
        expect(await verdictOf(kind, text)).not.toBe('valid')
      }),
      { numRuns: 500, seed: 20_260_201 },
    )
  })

  test('is damaged when it is any text, or no text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        expect(await verdictOf(kind, text)).toBe('damaged')
      }),
      { numRuns: 300, seed: 20_260_202 },
    )
    for (const value of [undefined, null, 7, {}, [kind.good]]) {
      expect(await verdictOf(kind, value as unknown as string)).toBe('damaged')
    }
  })

  test('gets an answer even when the right key has signed nonsense', async () => {
    const header = { alg: 'EdDSA', typ: kind.typ, kid: kind.key.kid }
    const names = Object.keys(kind.claims)
    const change = fc.tuple(fc.constantFrom(...names), fc.anything({ withNullPrototype: false }))
    const nonsense = fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
      return JSON.stringify({ ...kind.claims, ...Object.fromEntries(changes) }, (_key, value: unknown) =>
        typeof value === 'bigint' ? Number(value) : value,
      )
    })
    await fc.assert(
      fc.asyncProperty(fc.oneof(nonsense, fc.json()), async (payload) => {
        const signed = await forge(header, payload, kind.key)
        const text = kind.name === 'license with grant' ? `${signed}~${keyCertificate}~${grant}` : signed
        expect(typeof (await verdictOf(kind, text))).toBe('string')
      }),
      { numRuns: 400, seed: 20_260_203 },
    )
  })

  test('of nothing but dots, tildes or brackets is refused at once', async () => {
    const deep = await forge({ alg: 'EdDSA', typ: kind.typ, kid: kind.key.kid }, '['.repeat(2000), kind.key)
    for (const text of ['.', '~', '[', '{"a":'].map((unit) => unit.repeat(5_000_000))) {
      expect(await verdictOf(kind, text)).toBe('damaged')
    }
    expect(await verdictOf(kind, deep)).not.toBe('valid')
  })
})
