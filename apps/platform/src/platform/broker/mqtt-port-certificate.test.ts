import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { createAccessTokens } from '../auth/access-token.ts'
import { createCertificateAuthority } from '../ca/certificate-authority.ts'
import { openDatabase } from '../database/database.ts'
import { createVault } from '../keys/master-key.ts'
import { createBroker } from './in-process-broker.ts'

const dayMs = 86_400_000

test('the MQTT port shows a new certificate in time, and connections that stand go on', async () => {
  let nowMs = Date.now() - 100 * dayMs
  const { connectionString, drop } = await createTestDatabase()
  const { db, close } = openDatabase({ connectionString, maxConnections: 2, onError: () => {} })
  const ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), () => nowMs)
  const broker = await createBroker({
    ...{ db, ca, accessTokens: createAccessTokens(Buffer.alloc(32, 9)), log: pino({ level: 'silent' }) },
    ...{ listen: { host: '127.0.0.1', port: 0 }, names: ['127.0.0.1'], nowMs: () => nowMs },
  })
  const { port } = await broker.listen()
  onTestFinished(async () => {
    await broker.close()
    await close()
    await drop()
  })
  const login = await ca.issueClientCertificate({ commonName: 'probe', lifeMs: 365 * dayMs })
  async function open(): Promise<{ socket: TLSSocket; serial: string }> {
    const options = { cert: login.certPem, key: login.keyPem, ca: ca.certificatePem }
    const socket = connect({ port: port ?? 0, host: '127.0.0.1', ...options })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    return { socket, serial: socket.getPeerCertificate().serialNumber }
  }
  const shown = () => new X509Certificate(broker.certificates().mqtt ?? '')
  const first = await open()
  await broker.renewCertificate()
  expect((await open()).serial).toBe(first.serial)
  expect(shown().serialNumber).toBe(first.serial)

  nowMs += 100 * dayMs
  await broker.renewCertificate()
  const { serial } = await open()
  expect(serial).not.toBe(first.serial)
  expect(shown().serialNumber).toBe(serial)
  expect(first.socket.destroyed).toBe(false)
})
