import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { downTopic, upTopic } from '@ocelli/contract'
import { Aedes, type AedesOptions } from 'aedes'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { type CertificateAuthority, createCertificateAuthority } from '../../platform/ca/certificate-authority.ts'
import { openDatabase } from '../../platform/database/database.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { checkBroker } from './broker-check.ts'

let ca: CertificateAuthority
beforeAll(async () => {
  const { connectionString, drop } = await createTestDatabase()
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => {} })
  ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), Date.now)
  await close()
  await drop()
})

/** A broker with rules of its own, as an operator may have set them. */
async function brokerWith(rules: AedesOptions, kind: 'mqtt' | 'mqtts') {
  const aedes = await Aedes.createBroker(rules)
  const server = kind === 'mqtt' ? createServer(aedes.handle) : await tlsServer(aedes)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await new Promise<void>((resolve) => aedes.close(resolve))
    server.close()
  })
  const url = `${kind}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.fromEntries((await checkBroker({ url, ca, timeoutMs: 500 })).map(({ code, passed }) => [code, passed]))
}

async function tlsServer(aedes: Aedes) {
  const { certPem, keyPem } = await ca.issueServerCertificate({ names: ['127.0.0.1'] })
  const trust = { ca: [ca.certificatePem], requestCert: true, rejectUnauthorized: true }
  return createTlsServer({ cert: certPem, key: keyPem, ...trust }, (socket) => aedes.handle(socket))
}

const byCommonName: AedesOptions = {
  authenticate: ({ id, conn }, _username, _password, done) =>
    done(null, (conn as TLSSocket).getPeerX509Certificate()?.subject === `CN=${id}`),
}
const ownTopics: AedesOptions = {
  authorizePublish: (client, { topic }, done) => done(client && topic === upTopic(client.id) ? null : new Error('no')),
  authorizeSubscribe: ({ id }, subscription, done) =>
    done(null, subscription.topic === downTopic(id) ? subscription : null),
}

test('an open broker fails in everything but letting in', async () => {
  expect(await brokerWith({}, 'mqtt')).toEqual({
    ...{ 'login-own': true, 'login-foreign': false, 'publish-foreign': false, 'subscribe-foreign': false },
  })
})

test('a broker with all rules passes', async () => {
  expect(await brokerWith({ ...byCommonName, ...ownTopics }, 'mqtts')).toEqual({
    ...{ 'login-own': true, 'login-foreign': true, 'publish-foreign': true, 'subscribe-foreign': true },
  })
})

test('one missing rule is told by name', async () => {
  const { authorizePublish, authorizeSubscribe } = ownTopics
  expect(await brokerWith({ ...byCommonName, authorizePublish }, 'mqtts')).toMatchObject({
    ...{ 'login-foreign': true, 'publish-foreign': true, 'subscribe-foreign': false },
  })
  expect(await brokerWith({ ...byCommonName, authorizeSubscribe }, 'mqtts')).toMatchObject({
    ...{ 'login-foreign': true, 'publish-foreign': false, 'subscribe-foreign': true },
  })
})
