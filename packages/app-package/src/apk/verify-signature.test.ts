import { beforeAll, describe, expect, test } from 'vitest'
import { createBufferSource } from '../byte-source.ts'
import { type ApkSigner, buildApk, generateSigner, type Scheme, type SignerKeyType } from '../testing/index.ts'
import {
  describeSigner,
  joinSigner,
  joinSigners,
  joinSigningBlock,
  joinTail,
  readTail,
  type SignerParts,
} from '../testing/sign-apk.ts'
import { readApk } from './read-apk.ts'

const appId = 'com.example.signed'
const v2Id = 0x7109871a
const v3Id = 0xf05368c0
const signers = {} as Record<SignerKeyType | 'other', ApkSigner>
beforeAll(async () => {
  for (const type of ['ec', 'rsa', 'dsa'] as const) signers[type] = await generateSigner({ type })
  signers.other = await generateSigner({ name: 'Somebody else' })
})

const read = (bytes: Buffer) => readApk(createBufferSource(bytes))
const refusal = async (bytes: Buffer): Promise<string> => {
  const error: unknown = await read(bytes).catch((caught: unknown) => caught)
  return error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : 'accepted'
}

describe.each(['v2', 'v3'] as const)('scheme %s', (scheme) => {
  test.each([
    ['RSA-PSS with SHA-256', 'rsa', 0x0101],
    ['RSA-PSS with SHA-512', 'rsa', 0x0102],
    ['RSA PKCS #1 with SHA-256', 'rsa', 0x0103],
    ['RSA PKCS #1 with SHA-512', 'rsa', 0x0104],
    ['ECDSA with SHA-256', 'ec', 0x0201],
    ['ECDSA with SHA-512', 'ec', 0x0202],
    ['DSA with SHA-256', 'dsa', 0x0301],
  ] as const)('%s is verified: over the contents, the directory and the signature', async (_name, type, algorithm) => {
    const bytes = await buildApk({ ...signers[type], appId, schemes: [scheme], algorithms: [algorithm] })
    expect(await read(bytes)).toMatchObject({ appId, signer: { scheme } })
    const { entriesEnd: directoryAt } = await readTail(createBufferSource(bytes))
    const contents = Buffer.from(bytes)
    contents.write('DEX', contents.indexOf('classes.dex') + 11)
    expect(await refusal(contents)).toMatch(/^signature-invalid: The contents/)
    const directory = Buffer.from(bytes)
    directory.writeUInt16LE(0x1234, directoryAt + 12)
    expect(await refusal(directory)).toMatch(/^signature-invalid: The contents/)
    const signature = Buffer.from(bytes)
    const key = signature.indexOf(await publicKeyOf(signers[type], bytes))
    signature[key - 10] = (signature[key - 10] ?? 0) ^ 1
    expect(await refusal(signature)).toMatch(/^signature-invalid: .*signature over its data/)
  })
})

async function publicKeyOf(signer: ApkSigner, bytes: Buffer): Promise<Buffer> {
  return (await describeSigner(createBufferSource(bytes), { ...signer, schemes: [] })).publicKey
}

test('with both schemes the stronger one is reported, by its certificate', async () => {
  const bytes = await buildApk({ ...signers.ec, appId, schemes: ['v2', 'v3'] })
  const { signer } = await read(bytes)
  expect(signer).toEqual({
    scheme: 'v3',
    certificateSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    subject: 'CN=Ocelli test signer',
    signatures: [
      expect.objectContaining({ scheme: 'v2', minLevel: 0, maxLevel: 27, lineage: [] }),
      expect.objectContaining({ scheme: 'v3', minLevel: 28, maxLevel: null, lineage: [] }),
    ],
  })
  const other = await buildApk({ ...signers.other, appId })
  expect((await read(other)).signer.certificateSha256).not.toBe(signer.certificateSha256)
})

describe('unsigned packages', () => {
  test('a package without signature is unsigned', async () => {
    expect(await refusal(await buildApk({ ...signers.ec, appId, schemes: [] }))).toMatch(/^unsigned: .*not signed/)
  })

  test('a v1 signature alone is not accepted, and the sentence says so', async () => {
    const entries = [{ name: 'META-INF/CERT.RSA', bytes: Buffer.of(1) }]
    const bytes = await buildApk({ ...signers.ec, appId, schemes: [], entries })
    expect(await refusal(bytes)).toMatch(/^unsigned: .*v1 \(JAR\).*alone is not accepted/)
  })

  test('a signing block without v2 and v3 does not count', async () => {
    expect(await refusal(await withBlock([{ id: 0x42726577, value: Buffer.alloc(100) }]))).toMatch(/^unsigned: /)
  })
})

/** An unsigned package with a signing block of these pairs. */
async function withBlock(pairs: { id: number; value: Buffer }[], patch?: (block: Buffer) => void): Promise<Buffer> {
  const zip = await buildApk({ ...signers.ec, appId, schemes: [] })
  const { entriesEnd, directory, endRecord } = await readTail(createBufferSource(zip))
  const block = joinSigningBlock(pairs)
  patch?.(block)
  return Buffer.concat([zip.subarray(0, entriesEnd), joinTail({ entriesEnd, block, directory, endRecord })])
}

/** One signer over that package, with some parts exchanged, and signed as it then is. */
async function signer(scheme: Scheme, change: Partial<SignerParts> = {}, by = signers.ec): Promise<Buffer> {
  return joinSigner(scheme, by.key, { ...(await partsOf(by)), ...change })
}

async function partsOf(by: ApkSigner, algorithms?: number[]): Promise<SignerParts> {
  const zip = await buildApk({ ...signers.ec, appId, schemes: [] })
  return describeSigner(createBufferSource(zip), { ...by, schemes: [], algorithms })
}

const saysV3 = Buffer.from('0df0efbe03000000', 'hex')
const v2 = (value: Buffer) => ({ id: v2Id, value })
const v3 = (value: Buffer) => ({ id: v3Id, value })

describe('forged signers', () => {
  test('the parts that the following tests exchange make a valid signature when left alone', async () => {
    const bytes = await withBlock([v2(joinSigners([await signer('v2')])), { id: 0x42726577, value: Buffer.alloc(9) }])
    expect(await read(bytes)).toMatchObject({ appId })
    expect(await read(await withBlock([v3(joinSigners([await signer('v3')]))]))).toMatchObject({ appId })
  })

  test('a certificate of somebody else does not lend its name', async () => {
    for (const [scheme, pair] of [
      ['v2', v2],
      ['v3', v3],
    ] as const) {
      const forged = await signer(scheme, { certificates: [signers.other.certificate, signers.ec.certificate] })
      expect(await refusal(await withBlock([pair(joinSigners([forged]))]))).toMatch(
        /certificate belongs to another key/,
      )
    }
  })

  test('a certificate with bytes behind it is another one to Android', async () => {
    const certificates = [Buffer.concat([signers.ec.certificate, Buffer.from('more')])]
    const bytes = await withBlock([v2(joinSigners([await signer('v2', { certificates })]))])
    expect(await refusal(bytes)).toMatch(/certificate is followed by other bytes/)
  })

  test('a certificate that names nobody is taken like any other', async () => {
    const nobody = await generateSigner({ name: null })
    const bytes = await buildApk({ ...nobody, appId })
    expect((await read(bytes)).signer).toMatchObject({ subject: '' })
  })

  test('key and certificate of somebody else do not fit the signature', async () => {
    const { publicKey } = await partsOf(signers.other)
    const forged = await signer('v2', { certificates: [signers.other.certificate], publicKey })
    expect(await refusal(await withBlock([v2(joinSigners([forged]))]))).toMatch(/signature over its data/)
  })

  test.each([
    ['no certificate', { certificates: [] }, /no certificate/],
    ['a certificate that is none', { certificates: [Buffer.from('certificate')] }, /certificate cannot be read/],
    ['a public key that is none', { publicKey: Buffer.from('key') }, /public key cannot be read/],
    ['an algorithm more in the signatures', { signatureIds: [0x0201, 0x0202] }, /different algorithms/],
    ['another algorithm in the signatures', { signatureIds: [0x0202] }, /different algorithms/],
    ['no signature', { signatureIds: [] }, /none of the supported/],
    ['the same algorithm twice', { signatureIds: [0x0201, 0x0201] }, /same algorithm twice/],
    ['an attribute cut off', { attributes: [Buffer.of(1, 2)] }, /past the end/],
  ] satisfies [string, Partial<SignerParts>, RegExp][])('%s is refused', async (_what, change, reason) => {
    const refused = await refusal(await withBlock([v2(joinSigners([await signer('v2', change)]))]))
    expect(refused).toMatch(/^signature-invalid: /)
    expect(refused).toMatch(reason)
  })

  test('the strongest algorithm decides, whatever the weaker one says', async () => {
    const { digests } = await partsOf(signers.ec, [0x0201, 0x0202])
    expect(await read(await withBlock([v2(joinSigners([await signer('v2', { digests })]))]))).toMatchObject({ appId })
    const broken = digests.map(([id, digest]): [number, Buffer] => [id, id === 0x0202 ? Buffer.alloc(64) : digest])
    const bytes = await withBlock([v2(joinSigners([await signer('v2', { digests: broken })]))])
    expect(await refusal(bytes)).toMatch(/^signature-invalid: The contents/)
  })

  test('an unsupported algorithm is passed over for a supported one, and refused alone', async () => {
    const [supported] = (await partsOf(signers.ec)).digests
    const verity: [number, Buffer] = [0x0423, Buffer.alloc(40)]
    const both = await signer('v2', { digests: supported ? [verity, supported] : [] })
    expect(await read(await withBlock([v2(joinSigners([both]))]))).toMatchObject({ appId })
    const alone = await signer('v2', { digests: [verity] })
    expect(await refusal(await withBlock([v2(joinSigners([alone]))]))).toMatch(/none of the supported/)
  })

  test('a key of another type than the algorithm is refused, though it signed', async () => {
    const [[, digest] = [0, Buffer.alloc(0)]] = (await partsOf(signers.ec)).digests
    const forged = await signer('v2', { digests: [[0x0103, digest]] })
    expect(await refusal(await withBlock([v2(joinSigners([forged]))]))).toMatch(/signature over its data/)
  })

  test('there is exactly one signer', async () => {
    const one = await signer('v2')
    expect(await refusal(await withBlock([v2(joinSigners([]))]))).toMatch(/no signer/)
    expect(await refusal(await withBlock([v2(joinSigners([one, one]))]))).toMatch(/2 signers/)
    const trailing = Buffer.concat([joinSigners([one]), Buffer.of(0)])
    expect(await refusal(await withBlock([v2(trailing)]))).toMatch(/belong to nothing/)
    const padded = Buffer.concat([one, Buffer.of(0)])
    expect(await refusal(await withBlock([v2(joinSigners([padded]))]))).toMatch(/belong to nothing/)
  })

  test('the platforms beside the signed ones must be the signed ones', async () => {
    const forged = await signer('v3', { unsignedRange: [24, 0x7fffffff] })
    expect(await refusal(await withBlock([v3(joinSigners([forged]))]))).toMatch(/platform ranges/)
  })
})

describe('two schemes', () => {
  test('a v3 signature that v2 speaks of cannot be taken out', async () => {
    const v2Value = joinSigners([await signer('v2', { attributes: [saysV3] })])
    const v3Value = joinSigners([await signer('v3')])
    expect(await read(await withBlock([v2(v2Value), v3(v3Value)]))).toMatchObject({ signer: { scheme: 'v3' } })
    expect(await refusal(await withBlock([v2(v2Value)]))).toMatch(/^signature-invalid: .*taken out/)
  })

  test('somebody else cannot add a v3 signature to a v2 one', async () => {
    const added = v3(joinSigners([await signer('v3', {}, signers.other)]))
    expect(await refusal(await withBlock([v2(joinSigners([await signer('v2')])), added]))).toMatch(
      /different certificates/,
    )
  })

  test('a broken v2 signature is refused though v3 holds', async () => {
    const broken = v2(joinSigners([await signer('v2', { digests: [[0x0201, Buffer.alloc(32)]] })]))
    expect(await refusal(await withBlock([broken, v3(joinSigners([await signer('v3')]))]))).toMatch(
      /v2 signature covers/,
    )
  })
})

describe('the signing block', () => {
  const u64 = (block: Buffer, at: number, value: bigint) => block.writeBigUInt64LE(value, at)
  test.each([
    ['two sizes that differ', (block: Buffer) => u64(block, 0, 5n), /two sizes/],
    ['a size beyond the file', (block: Buffer) => u64(block, block.length - 24, 1_000_000n), /impossible size/],
    ['a size smaller than itself', (block: Buffer) => u64(block, block.length - 24, 8n), /impossible size/],
    ['a size of many megabytes', (block: Buffer) => u64(block, block.length - 24, 20_000_000n), /larger than 16 MiB/],
    ['a size beyond all bounds', (block: Buffer) => u64(block, block.length - 24, 2n ** 60n), /beyond all bounds/],
    ['a pair longer than the block', (block: Buffer) => u64(block, 8, 1_000_000n), /past the end/],
    ['a pair without id', (block: Buffer) => u64(block, 8, 3n), /past the end/],
  ])('with %s is refused', async (_what, patch, reason) => {
    expect(await refusal(await withBlock([v2(joinSigners([await signer('v2')]))], patch))).toMatch(reason)
  })

  test('with the same scheme twice is refused', async () => {
    const pair = v2(joinSigners([await signer('v2')]))
    expect(await refusal(await withBlock([pair, pair]))).toMatch(/repeats a signature/)
  })

  test('with more pairs than anybody needs is refused', async () => {
    const pairs = Array.from({ length: 1001 }, () => ({ id: 1, value: Buffer.alloc(0) }))
    expect(await refusal(await withBlock(pairs))).toMatch(/^too-complex: /)
  })

  test('without its magic is not there', async () => {
    const bytes = await withBlock([v2(joinSigners([await signer('v2')]))], (block) =>
      block.write('apk', block.length - 16),
    )
    expect(await refusal(bytes)).toMatch(/^unsigned: /)
  })
})
