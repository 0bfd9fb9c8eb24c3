import { beforeAll, describe, expect, test } from 'vitest'
import { createBufferSource } from '../byte-source.ts'
import { type ApkSigner, buildApk, generateSigner } from '../testing/index.ts'
import { type LineageStep, lineageAttribute } from '../testing/lineage.ts'
import { u32 } from '../testing/little-endian.ts'
import {
  describeSigner,
  joinSigner,
  joinSigners,
  joinSigningBlock,
  joinTail,
  readTail,
  type Scheme,
  type SignerParts,
  schemeIds,
} from '../testing/sign-apk.ts'
import { readApk } from './read-apk.ts'

const appId = 'com.example.rotated'
const maxLevel = 0x7fffffff
const keys = {} as Record<'first' | 'second' | 'third' | 'stranger', ApkSigner>
const sha256Of = {} as Record<keyof typeof keys, string>
beforeAll(async () => {
  for (const name of ['first', 'second', 'third', 'stranger'] as const) {
    keys[name] = await generateSigner({ name })
    sha256Of[name] = (await read(await buildApk({ ...keys[name], appId }))).signer.certificateSha256
  }
})

const read = (bytes: Buffer) => readApk(createBufferSource(bytes))
const refusal = async (bytes: Buffer): Promise<string> => {
  const error: unknown = await read(bytes).catch((caught: unknown) => caught)
  return error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : 'accepted'
}

interface Part {
  scheme: Scheme
  by: ApkSigner
  change?: Partial<SignerParts>
}

/** A package with these signers; those of one scheme share a block. */
async function signedBy(...parts: Part[]): Promise<Buffer> {
  const zip = await buildApk({ ...keys.first, appId, schemes: [] })
  const source = createBufferSource(zip)
  const values = new Map<Scheme, Buffer[]>()
  for (const { scheme, by, change } of parts) {
    const described = await describeSigner(source, { ...by, schemes: [] })
    values.set(scheme, [...(values.get(scheme) ?? []), joinSigner(scheme, by.key, { ...described, ...change })])
  }
  const { entriesEnd, directory, endRecord } = await readTail(source)
  const pairs = [...values].map(([scheme, signers]) => ({ id: schemeIds[scheme], value: joinSigners(signers) }))
  const tail = joinTail({ entriesEnd, block: joinSigningBlock(pairs), directory, endRecord })
  return Buffer.concat([zip.subarray(0, entriesEnd), tail])
}

const rotated = (steps: LineageStep[]): Partial<SignerParts> => ({ attributes: [lineageAttribute(steps)] })
const chain = (...signers: ApkSigner[]): LineageStep[] => signers.map((signer) => ({ signer }))
const earlier = (name: keyof typeof keys, keepsData = true) => ({ certificateSha256: sha256Of[name], keepsData })

describe('a key that came after another one', () => {
  test('is proven by v3, and v2 keeps the oldest key for the platforms that know no v3', async () => {
    const { first, second, third } = keys
    const bytes = await buildApk({ ...third, appId, schemes: ['v2', 'v3'], earlier: [first, second] })
    expect((await read(bytes)).signer).toEqual({
      scheme: 'v3',
      certificateSha256: sha256Of.third,
      subject: 'CN=third',
      signatures: [
        { scheme: 'v2', minLevel: 0, maxLevel: 27, certificateSha256: sha256Of.first, lineage: [] },
        {
          ...{ scheme: 'v3', minLevel: 28, maxLevel: null, certificateSha256: sha256Of.third },
          lineage: [earlier('first'), earlier('second')],
        },
      ],
    })
  })

  test('counts from Android 13 on where v3.1 says so, and v3 keeps the oldest key until then', async () => {
    const bytes = await buildApk({
      ...{ ...keys.second, appId, schemes: ['v2', 'v3', 'v3.1'], earlier: [keys.first], capabilities: 8 },
    })
    expect((await read(bytes)).signer).toEqual({
      scheme: 'v3.1',
      certificateSha256: sha256Of.second,
      subject: 'CN=second',
      signatures: [
        { scheme: 'v2', minLevel: 0, maxLevel: 27, certificateSha256: sha256Of.first, lineage: [] },
        { scheme: 'v3', minLevel: 28, maxLevel: 32, certificateSha256: sha256Of.first, lineage: [] },
        {
          ...{ scheme: 'v3.1', minLevel: 33, maxLevel: null, certificateSha256: sha256Of.second },
          lineage: [earlier('first', false)],
        },
      ],
    })
  })

  test('may count for a part of the platforms only', async () => {
    const { first, second } = keys
    const bytes = await signedBy(
      { scheme: 'v3', by: first, change: { range: [24, 29] } },
      { scheme: 'v3', by: second, change: { range: [30, maxLevel], ...rotated(chain(first, second)) } },
    )
    const { signatures } = (await read(bytes)).signer
    expect(
      signatures.map(({ minLevel, maxLevel: end, certificateSha256 }) => [minLevel, end, certificateSha256]),
    ).toEqual([
      [28, 29, sha256Of.first],
      [30, null, sha256Of.second],
    ])
  })
})

describe('a proof of rotation is refused when', () => {
  test.each([
    [
      'the new key signed for itself',
      () => [{ signer: keys.first }, { signer: keys.second, signedBy: keys.second }],
      /not signed by the one before/,
    ],
    [
      'a stranger signed',
      () => [{ signer: keys.first }, { signer: keys.second, signedBy: keys.stranger }],
      /not signed by the one before/,
    ],
    [
      'a link in the middle is missing',
      () => [{ signer: keys.first }, { signer: keys.third }, { signer: keys.second, signedBy: keys.first }],
      /certificate 3 .*not signed/,
    ],
    [
      'the algorithms of two levels differ',
      () => [{ signer: keys.first, signsBy: 0x0202 }, { signer: keys.second }],
      /not signed by the one before/,
    ],
    [
      'a level names an unknown algorithm',
      () => [
        { signer: keys.first, signsBy: 0x0999 },
        { signer: keys.second, algorithm: 0x0999 },
      ],
      /not signed by the one before/,
    ],
    ['it ends with another key', () => chain(keys.first, keys.stranger), /ends with another certificate/],
    ['it is empty', () => [], /ends with another certificate/],
    ['a key comes back', () => chain(keys.second, keys.first, keys.second), /names a certificate twice/],
    ['it is longer than any', () => chain(...Array<ApkSigner>(21).fill(keys.second)), /more than 20/],
  ] satisfies [string, () => LineageStep[], RegExp][])('%s', async (_when, steps, reason) => {
    const bytes = await signedBy({ scheme: 'v3', by: keys.second, change: rotated(steps()) })
    expect(await refusal(bytes)).toMatch(/^(signature-invalid|too-complex): /)
    expect(await refusal(bytes)).toMatch(reason)
  })

  test('it is of another kind, cut off, or there twice', async () => {
    const proof = lineageAttribute(chain(keys.first, keys.second))
    for (const [attributes, reason] of [
      [[lineageAttribute(chain(keys.first, keys.second), 2)], /of a kind that is not known/],
      [[proof.subarray(0, -1)], /past the end/],
      [[proof, proof], /two proofs of rotation/],
    ] as const) {
      expect(
        await refusal(await signedBy({ scheme: 'v3', by: keys.second, change: { attributes: [...attributes] } })),
      ).toMatch(reason)
    }
  })
})

describe('somebody without the key', () => {
  test('cannot add a signature of his own, with or without a proof', async () => {
    const { first, second, stranger } = keys
    const own = { scheme: 'v2', by: first } as const
    for (const steps of [chain(stranger), chain(second, stranger)]) {
      const bytes = await signedBy(own, { scheme: 'v3', by: stranger, change: rotated(steps) })
      expect(await refusal(bytes)).toMatch(/v2 and v3 signatures are made with different certificates/)
    }
    const v31 = { scheme: 'v3.1', by: stranger, change: { range: [33, maxLevel] } } as const
    expect(await refusal(await signedBy(own, { scheme: 'v3', by: first }, v31))).toMatch(/v2 and v3.1 signatures/)
  })

  test('cannot take the newer signature out', async () => {
    const { first, second } = keys
    const names33 = { attributes: [Buffer.concat([u32(0x559f8b02), u32(33)])] }
    const older = { scheme: 'v3', by: first, change: names33 } as const
    const newer = (from: number) =>
      ({ scheme: 'v3.1', by: second, change: { range: [from, maxLevel], ...rotated(chain(first, second)) } }) as const
    expect(await refusal(await signedBy(older, newer(33)))).toBe('accepted')
    expect(await refusal(await signedBy(older))).toMatch(/v3.1 for API level 33 too, and that signature was taken out/)
    expect(await refusal(await signedBy(older, newer(34)))).toMatch(/API level 33 too/)
    expect(await refusal(await signedBy(newer(33)))).toMatch(/without the v3 one/)
  })
})

test('two signers for the same platform are refused, and a range that is none', async () => {
  const { first } = keys
  const part = (range: [number, number]) => ({ scheme: 'v3', by: first, change: { range } }) as const
  expect(await refusal(await signedBy(part([28, 33]), part([33, maxLevel])))).toMatch(/same platform/)
  expect(await refusal(await signedBy(part([33, 28])))).toMatch(/range is none/)
  expect(await refusal(await signedBy(part([28, 0xffffffff])))).toMatch(/range is none/)
})

test('each signer covers the contents for itself', async () => {
  const { first, second } = keys
  const wrong: [number, Buffer][] = [[0x0201, Buffer.alloc(32)]]
  const change = { range: [33, maxLevel] as const, digests: wrong, ...rotated(chain(first, second)) }
  const bytes = await signedBy({ scheme: 'v3', by: first }, { scheme: 'v3.1', by: second, change })
  expect(await refusal(bytes)).toMatch(/not those that the v3.1 signature covers/)
})
