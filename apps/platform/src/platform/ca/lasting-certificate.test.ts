import { beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { openDatabase } from '../database/database.ts'
import { createVault } from '../keys/master-key.ts'
import { type CertificateAuthority, createCertificateAuthority } from './certificate-authority.ts'
import { createLastingCertificate } from './lasting-certificate.ts'

const dayMs = 86_400_000
const begunAtMs = Date.parse('2026-03-01T12:00:00Z')
let nowMs = begunAtMs
let ca: CertificateAuthority

beforeAll(async () => {
  const { connectionString, drop } = await createTestDatabase()
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => {} })
  ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), () => nowMs)
  await close()
  await drop()
})

const lasting = (lifeDays: number, renewedAfterDays: number) =>
  createLastingCertificate({
    issue: () => ca.issueClientCertificate({ commonName: 'probe', lifeMs: lifeDays * dayMs }),
    ...{ renewedAfterMs: renewedAfterDays * dayMs, nowMs: () => nowMs },
  })

test.each([
  { afterDays: 19.9, isNew: false, why: 'its time has not come' },
  { afterDays: 20, isNew: true, why: 'its time has come' },
  { afterDays: 400, isNew: true, why: 'the machine has slept past its end' },
  { afterDays: -0.04, isNew: false, why: 'the clock was set back less than it is dated back' },
  { afterDays: -1, isNew: true, why: 'the clock had been a day ahead when it was issued' },
])('another one is due: $isNew, since $why', async ({ afterDays, isNew }) => {
  nowMs = begunAtMs
  const certificate = lasting(30, 20)
  const first = await certificate.present()
  nowMs = begunAtMs + afterDays * dayMs
  const second = await certificate.present()
  expect(second !== first).toBe(isNew)
  expect(await certificate.present()).toBe(second)
})

test('what lives shorter than asked for, since the CA ends, is renewed at two thirds', async () => {
  nowMs = begunAtMs
  const certificate = lasting(3, 90)
  const first = await certificate.present()
  nowMs = begunAtMs + 2.01 * dayMs
  expect(await certificate.present()).not.toBe(first)
})

test('an issue that fails is tried again, and leaves the former one to be asked for', async () => {
  nowMs = begunAtMs
  let isBroken = false
  const certificate = createLastingCertificate({
    issue: () => (isBroken ? Promise.reject(new Error('broken')) : ca.issueClientCertificate({ commonName: 'probe' })),
    ...{ renewedAfterMs: dayMs / 2, nowMs: () => nowMs },
  })
  const first = await certificate.present()
  nowMs += dayMs / 2
  isBroken = true
  await expect(certificate.present()).rejects.toThrow('broken')
  isBroken = false
  expect(await certificate.present()).not.toBe(first)
})
