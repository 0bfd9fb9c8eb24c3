import { createPrivateKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTestAuthority } from '../../test/edge/test-authority.ts'
import { createCertificateRequest } from './certificate-request.ts'
import { generatePrivateKey } from './gateway-identity.ts'

test('an authority takes the request and certifies its key', async () => {
  const authority = await createTestAuthority()
  // A DER signature is 70 to 72 bytes long by chance; several keys meet each length.
  for (let round = 0; round < 20; round += 1) {
    const key = createPrivateKey(generatePrivateKey())
    const certificate = await authority.issueFor(createCertificateRequest(key), { commonName: 'gateway' })
    expect(certificate).toContain('BEGIN CERTIFICATE')
  }
})

test('a request whose bytes were changed is refused', async () => {
  const authority = await createTestAuthority()
  const csr = createCertificateRequest(createPrivateKey(generatePrivateKey()))
  const [, body = ''] = /REQUEST-----\n([\s\S]*)\n-----END/.exec(csr) ?? []
  const der = Buffer.from(body, 'base64')
  der[60] = (der[60] ?? 0) ^ 1
  const changed = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
  await expect(authority.issueFor(changed, { commonName: 'gateway' })).rejects.toThrow()
})
