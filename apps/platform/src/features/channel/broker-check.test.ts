import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { downTopic, upTopic } from '@ocelli/contract'
import { Aedes, type AedesOptions, type Client } from 'aedes'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { platformCommonName } from '../../platform/broker/external-broker.ts'
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

/** The platform's processes share one certificate and have any client id; a gateway's id is its common name. */
const isPlatform = ({ conn }: Client) =>
  (conn as TLSSocket).getPeerX509Certificate?.()?.subject === `CN=${platformCommonName}`
const byCommonName: AedesOptions = {
  authenticate: (client, _username, _password, done) =>
    done(
      null,
      isPlatform(client) || (client.conn as TLSSocket).getPeerX509Certificate()?.subject === `CN=${client.id}`,
    ),
}
const ownTopics: AedesOptions = {
  authorizePublish: (client, { topic }, done) =>
    done(client && (isPlatform(client) || topic === upTopic(client.id)) ? null : new Error('no')),
  authorizeSubscribe: (client, subscription, done) =>
    done(null, isPlatform(client) || subscription.topic === downTopic(client.id) ? subscription : null),
}
/** This broker takes shared subscriptions and never serves them, which is found out too. */
const notShared = { 'login-own': true, 'platform-topics': true, 'shared-subscription': false }

test('an open broker fails in everything but letting in', async () => {
  expect(await brokerWith({}, 'mqtt')).toEqual({
    ...notShared,
    ...{ 'login-foreign': false, 'publish-foreign': false, 'subscribe-foreign': false },
  })
})

test('a broker with all rules passes', async () => {
  expect(await brokerWith({ ...byCommonName, ...ownTopics }, 'mqtts')).toEqual({
    ...notShared,
    ...{ 'login-foreign': true, 'publish-foreign': true, 'subscribe-foreign': true },
  })
})

test('one missing rule is told by name', async () => {
  const { authorizePublish, authorizeSubscribe } = ownTopics
  expect(await brokerWith(ownTopics, 'mqtts')).toMatchObject({
    ...{ 'login-foreign': false, 'publish-foreign': true, 'subscribe-foreign': true },
  })
  expect(await brokerWith({ ...byCommonName, authorizePublish }, 'mqtts')).toMatchObject({
    ...{ 'login-foreign': true, 'publish-foreign': true, 'subscribe-foreign': false },
  })
  expect(await brokerWith({ ...byCommonName, authorizeSubscribe }, 'mqtts')).toMatchObject({
    ...{ 'login-foreign': true, 'publish-foreign': false, 'subscribe-foreign': true },
  })
})

test('a platform that the rules forgot is told, and nothing more is claimed', async () => {
  const forgotten: AedesOptions = {
    authorizePublish: (client, { topic }, done) =>
      done(client && topic === upTopic(client.id) ? null : new Error('no')),
  }
  expect(await brokerWith({ ...byCommonName, ...forgotten }, 'mqtts')).toEqual({
    ...{ 'login-own': true, 'platform-topics': false },
  })
})
