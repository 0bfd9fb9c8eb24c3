import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBufferSource } from '../src/byte-source.ts'
import { readEap } from '../src/eap/read-eap.ts'
import { type EapPackage, PackageError } from '../src/index.ts'
import { buildEap } from '../src/testing/index.ts'
import { apply, edits } from './edits.ts'

const limitMs = 1000
const whole = { appId: 'fuzzed_app', schema: '2.2.0', axisAppId: '1234', parameters: [], signed: true } as const
const signed = await buildEap(whole)
const plain = await buildEap({ ...whole, signed: false })
const archive = gunzipSync(plain)

async function readFuzzed(bytes: Buffer): Promise<EapPackage | PackageError> {
  const startedAt = performance.now()
  const outcome: unknown = await readEap(createBufferSource(bytes)).catch((error: unknown) => error)
  expect(performance.now() - startedAt).toBeLessThan(limitMs)
  if (!(outcome instanceof PackageError)) expect(outcome).toMatchObject({ format: 'eap' })
  return outcome as EapPackage | PackageError
}

test('a package with random changes ends in a PackageError, or is what it was, at once', async () => {
  const { appId, versionName, architectures } = await readEap(createBufferSource(signed))
  let refused = 0
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const outcome = await readFuzzed(changes.reduce(apply, signed))
      if (outcome instanceof PackageError) refused += 1
      // What the checksum covers cannot have changed; the signature's own text and the gzip header can.
      else expect(outcome).toMatchObject({ appId, versionName, architectures })
    }),
    { numRuns: 3000, seed: 20_261_123 },
  )
  expect(refused).toBeGreaterThan(2000)
})

test('an archive with random changes under a right checksum ends in a result or a PackageError, at once', async () => {
  await fc.assert(
    fc.asyncProperty(edits, async (changes) => {
      const outcome = await readFuzzed(gzipSync(changes.reduce(apply, archive), { level: 1 }))
      if (!(outcome instanceof PackageError)) expect(outcome.appId).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
    }),
    { numRuns: 3000, seed: 20_261_124 },
  )
})
