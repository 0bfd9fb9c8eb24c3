import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateRequest } from '../../../test/certificate-request.ts'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { createVault } from '../keys/master-key.ts'
import { type CertificateAuthority, createCertificateAuthority } from './certificate-authority.ts'

const gatewayId = 'a7f1c2de-0000-4000-8000-000000000001'
const nowMs = Date.parse('2026-03-01T12:00:00Z')
const vault = createVault(Buffer.alloc(32, 7))
let db: Database
let end: () => Promise<void>
let ca: CertificateAuthority

beforeAll(async () => {
  const database = await createTestDatabase()
  const opened = openDatabase({ connectionString: database.connectionString, maxConnections: 4, onError: () => {} })
  db = opened.db
  end = async () => {
    await opened.close()
    await database.drop()
  }
  ca = await createCertificateAuthority(db, vault, () => nowMs)
})
afterAll(() => end())

describe('the instance’s CA', () => {
  test('is the same for every process that starts on the database', async () => {
    const others = await Promise.all([1, 2].map(() => createCertificateAuthority(db, vault, () => nowMs)))
    for (const other of others) expect(other.fingerprint).toBe(ca.fingerprint)
    const fingerprint = new X509Certificate(ca.certificatePem).fingerprint256.replaceAll(':', '').toLowerCase()
    expect(ca.fingerprint).toBe(fingerprint)
  })

  test('issues a gateway a certificate of one year for the key of its request, whatever the request names', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const issued = await ca.issueGatewayCertificate({ csrPem: certificateRequest(privateKey), gatewayId })
    const certificate = new X509Certificate(issued.certificatePem)
    expect(certificate.subject).toBe(`CN=${gatewayId}`)
    expect(certificate.checkPrivateKey(privateKey)).toBe(true)
    expect(certificate.verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(true)
    expect(certificate.checkIssued(new X509Certificate(ca.certificatePem))).toBe(true)
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(issued.expiresAt).toBe('2027-03-01T12:00:00.000Z')
    expect(certificate.serialNumber.toLowerCase()).toBe(issued.serial)
    expect(issued.publicJwk).toMatchObject({ kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String) })
  })

  test('refuses a request that another key has signed, one for another kind of key, and one that is none', async () => {
    const [one, other] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
    if (!one || !other) throw new Error('no keys')
    for (const csrPem of [certificateRequest(one, other), certificateRequest(p384), 'nonsense', '']) {
      await expect(ca.issueGatewayCertificate({ csrPem, gatewayId })).rejects.toMatchObject({ code: 'invalid-request' })
    }
  })

  test('issues a server certificate for names and addresses, with itself in the chain', async () => {
    const { certPem, keyPem } = await ca.issueServerCertificate({ names: ['ocelli.example.com', '192.168.1.5', '::1'] })
    const [leaf, issuer] = certPem.split(/(?=-----BEGIN)/).map((pem) => new X509Certificate(pem))
    expect(leaf?.checkHost('ocelli.example.com')).toBe('ocelli.example.com')
    expect(leaf?.checkIP('192.168.1.5')).toBe('192.168.1.5')
    expect(leaf?.checkIP('192.168.1.6')).toBeUndefined()
    expect(leaf?.checkPrivateKey(createPrivateKey(keyPem))).toBe(true)
    expect(issuer?.raw).toEqual(new X509Certificate(ca.certificatePem).raw)
  })
})
