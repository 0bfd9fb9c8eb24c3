import { X509Certificate } from 'node:crypto'
import https from 'node:https'
import type { SecureVersion } from 'node:tls'
import { expect, test } from 'vitest'
import type { CameraCertificate } from '../src/index.ts'
import { connect, failureOf, startCamera } from './camera-fixture.ts'
import { OLD_CERTIFICATE, OLD_KEY } from './old-certificate.ts'
import { clientAt, listen, services } from './raw-camera.ts'

test('tells the certificate it sees, and talks to the camera that has the pinned one', async () => {
  const camera = await startCamera({ https: true })
  const real = new X509Certificate(camera.certificate ?? '')
  const seen: CameraCertificate[] = []
  await connect(camera, { tls: { onCertificate: (certificate) => seen.push(certificate) } }).getDeviceInformation()
  expect(seen[0]?.sha256).toBe(real.fingerprint256.replaceAll(':', '').toLowerCase())
  expect(seen[0]?.expiresAt).toBe(real.validToDate.toISOString())
  for (const pinnedSha256 of [seen[0]?.sha256, real.fingerprint256]) {
    const client = connect(camera, { tls: { pinnedSha256 } })
    expect((await client.getDeviceInformation()).model).toBe('SIM-1')
    await (await client.appManagement())?.getDeviceId()
  }
})

test('sends nothing to a camera with another certificate', async () => {
  const camera = await startCamera({ https: true })
  const other = await startCamera({ https: true, deviceId: 'CAM-0002' })
  const pinnedSha256 = new X509Certificate(other.certificate ?? '').fingerprint256
  const error = await failureOf(connect(camera, { tls: { pinnedSha256 } }).getDeviceInformation())
  expect(error).toMatchObject({ code: 'certificate-changed', retryable: false })
  expect(camera.requests).toEqual([])
})

test('names the fault when http is spoken on one side only', async () => {
  const secure = await startCamera({ https: true })
  const plain = await startCamera()
  const { port } = new URL(plain.url)
  const error = await failureOf(clientAt(`https://127.0.0.1:${port}`).getServices())
  expect(error).toMatchObject({ code: 'unreachable', retryable: false })
  expect(error.message).toContain('TLS')
  const other = await failureOf(clientAt(`http://127.0.0.1:${secure.port}`).getServices())
  expect(['unreachable', 'bad-reply']).toContain(other.code)
})

test.each(['TLSv1', 'TLSv1.1'] satisfies SecureVersion[])('speaks %s only when it is told to', async (version) => {
  const server = https.createServer(
    { key: OLD_KEY, cert: OLD_CERTIFICATE, minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' },
    (incoming, outgoing) => {
      incoming.resume()
      outgoing.end(services().body)
    },
  )
  const address = (await listen(server)).replace('http:', 'https:')
  expect(await failureOf(clientAt(address).getServices())).toMatchObject({ code: 'unreachable', retryable: false })
  expect(await clientAt(address, { tls: { allowLegacy: true } }).getServices()).toHaveLength(2)
})

test('talks to a camera whose certificate names no readable end', async () => {
  const der = new X509Certificate(OLD_CERTIFICATE).raw.toString('latin1').replace('21261030115044Z', '21269930115044Z')
  const cert = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der, 'latin1').toString('base64')}\n-----END CERTIFICATE-----`
  const server = https.createServer({ key: OLD_KEY, cert, ciphers: 'ALL:@SECLEVEL=0' }, (incoming, outgoing) => {
    incoming.resume()
    outgoing.end(services().body)
  })
  const address = (await listen(server)).replace('http:', 'https:')
  const seen: CameraCertificate[] = []
  const tls = { allowLegacy: true, onCertificate: (certificate: CameraCertificate) => seen.push(certificate) }
  expect(await clientAt(address, { tls }).getServices()).toHaveLength(2)
  expect(seen[0]?.expiresAt).toBeNull()
})

test('gives up a camera that takes the connection and never answers the handshake', async () => {
  const silent = await import('node:net').then(({ createServer }) => createServer((socket) => void socket.resume()))
  const address = (await listen(silent)).replace('http:', 'https:')
  const error = await failureOf(clientAt(address, { connectTimeoutMs: 100 }).getServices())
  expect(error.code).toBe('unreachable')
})
