import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { type CertificateAuthority, createCertificateAuthority } from '../ca/certificate-authority.ts'
import { readConfig } from '../config.ts'
import { openDatabase } from '../database/database.ts'
import { createVault } from '../keys/master-key.ts'
import { openServerCertificate } from './server-certificate.ts'

const names = ['127.0.0.1']
const dayMs = 86_400_000
let ca: CertificateAuthority

beforeAll(async () => {
  const { connectionString, drop } = await createTestDatabase()
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => {} })
  ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), Date.now)
  await close()
  await drop()
})

test('plain HTTP on loopback has no certificate', async () => {
  expect(await openServerCertificate(readConfig({}), { ca, names, nowMs: Date.now })).toBeNull()
})

test('the own CA’s certificate is changed in a running server long before it ends', async () => {
  let nowMs = Date.now()
  const config = readConfig({ OCELLI_HTTP_HOST: '0.0.0.0' })
  const certificate = await openServerCertificate(config, { ca, names, nowMs: () => nowMs })
  if (!certificate) throw new Error('No certificate.')
  const server = createServer(certificate.current).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const serial = async () => {
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', ca: ca.certificatePem })
    await once(socket, 'secureConnect')
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const first = await serial()
  expect(await certificate.renew()).toBeNull()

  nowMs += 100 * dayMs
  const renewed = await certificate.renew()
  server.setSecureContext(renewed ?? {})

  expect(await serial()).not.toBe(first)
  expect(certificate.current).toEqual(renewed)
  expect(await certificate.renew()).toBeNull()
})

test('the operator’s files are read again when they have changed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-tls-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [certificateFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const write = async () => {
    const { certPem, keyPem } = await ca.issueServerCertificate({ names })
    await writeFile(certificateFile, certPem)
    await writeFile(keyFile, keyPem)
    return { cert: certPem, key: keyPem }
  }
  const first = await write()
  const config = readConfig({ OCELLI_TLS_CERT: certificateFile, OCELLI_TLS_KEY: keyFile })
  const certificate = await openServerCertificate(config, { ca, names, nowMs: Date.now })
  expect(certificate?.current).toEqual(first)
  expect(await certificate?.renew()).toBeNull()
  const second = await write()
  expect(await certificate?.renew()).toEqual(second)
  expect(certificate?.current).toEqual(second)
  const third = await write()
  await writeFile(keyFile, first.key)
  await expect(certificate?.renew()).rejects.toThrow('OCELLI_TLS_KEY')
  await writeFile(keyFile, third.key)
  expect(await certificate?.renew()).toEqual(third)
  await rm(keyFile)
  await expect(certificate?.renew()).rejects.toThrow('OCELLI_TLS_KEY')
})
