import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DownMessage, downTopic, type UpMessage, upTopic } from '@ocelli/contract'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { pino } from 'pino'
import { expect, onTestFinished, vi } from 'vitest'
import { sendLogins } from '../src/features/camera-logins/send-logins.ts'
import { takeResults } from '../src/features/camera-logins/take-results.ts'
import { createChannel } from '../src/features/channel/channel.ts'
import { enrollGateway } from '../src/features/gateways/enrollment-service.ts'
import { applyReports } from '../src/features/installations/apply-reports.ts'
import { readDesired } from '../src/features/installations/desired-state.ts'
import { issueLicensesForGateways } from '../src/features/licenses/issue-license.ts'
import { createEnrollmentToken, createSite } from '../src/features/sites/site-service.ts'
import { createAccessTokens } from '../src/platform/auth/access-token.ts'
import type { Caller } from '../src/platform/auth/caller.ts'
import { createBroker } from '../src/platform/broker/in-process-broker.ts'
import { createCertificateAuthority } from '../src/platform/ca/certificate-authority.ts'
import { openDatabase } from '../src/platform/database/database.ts'
import { byPlatform } from '../src/platform/events/emit.ts'
import type { Context } from '../src/platform/http/route.ts'
import { licenseKeys } from '../src/platform/keys/instance-keys.ts'
import { createVault } from '../src/platform/keys/master-key.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import { certificateRequest } from './certificate-request.ts'
import { createTestDatabase } from './postgres/create-test-database.ts'

export interface Enrolled {
  context: Context
  gatewayId: string
  siteId: string
  certificate: string
  key: KeyObject
}

export type ChannelFixture = Awaited<ReturnType<typeof createChannelFixture>>

/** The built-in broker and the platform's end of the channel on a database of their own, and gateways to talk with it. */
export async function createChannelFixture() {
  const log = pino({ level: process.env.TEST_LOG ?? 'silent' })
  const vault = createVault(Buffer.alloc(32, 7))
  const database = await createTestDatabase()
  const { connectionString } = database
  const { db, close } = openDatabase({ connectionString, maxConnections: 8, onError: () => {} })
  const ca = await createCertificateAuthority(db, vault, Date.now)
  const tokens = createAccessTokens(Buffer.alloc(32, 9))
  const listen = { host: '127.0.0.1', port: 0 }
  const broker = await createBroker({
    db,
    ca,
    accessTokens: tokens,
    log,
    listen,
    names: ['127.0.0.1'],
    nowMs: Date.now,
  })
  const metrics = createMetrics()
  const keys = await licenseKeys(db, vault, Date.now())
  const cameraLogins = { send: sendLogins, takeResults }
  const lead = { applyReports, readDesired, issueLicensesForGateways, cameraLogins }
  const channel = createChannel({ db, broker, log, metrics, keys, nowMs: Date.now, sweepEveryMs: 50, ...lead })
  channel.start()
  const port = (await broker.listen()).port ?? 0
  const http = createServer()
  broker.attachWebSocket(http)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const webSocketPort = (http.address() as AddressInfo).port

  async function enroll(): Promise<Enrolled> {
    const account = await db
      .insertInto('account')
      .values({ name: 'A' })
      .returning('account_id')
      .executeTakeFirstOrThrow()
    const caller: Caller = {
      ...{
        kind: 'user',
        id: randomUUID(),
        accountId: account.account_id,
        permissions: new Set(),
        scope: { all: true },
      },
    }
    const context: Context = { db, caller, origin: byPlatform, afterCommit: (hint) => hint() }
    const { siteId } = await createSite(context, { name: 'S', maxInFlight: 5 })
    const { token } = await createEnrollmentToken(context, siteId, { caFingerprint: ca.fingerprint })
    const { secret } = JSON.parse(Buffer.from(token.slice(5), 'base64url').toString())
    const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const request = { secret, csr: certificateRequest(key), name: 'g', version: '1' }
    const urls = { ca, mqttUrl: 'mqtts://x:1', mqttWebSocketUrl: 'wss://x/mqtt', disconnect: broker.disconnect }
    const { gatewayId, certificate } = await enrollGateway(context, request, urls)
    await expect(enrollGateway(context, request, urls)).rejects.toMatchObject({ code: 'unauthenticated' })
    return {
      context: { ...context, caller: { ...caller, kind: 'gateway', id: gatewayId } },
      gatewayId,
      siteId,
      certificate,
      key,
    }
  }

  async function open({ gatewayId, certificate, key }: Enrolled, more: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectAsync(`mqtts://127.0.0.1:${port}`, {
      ...{ clientId: gatewayId, username: gatewayId, protocolVersion: 4, clean: true, reconnectPeriod: 0 },
      ...{ cert: certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), ca: [ca.certificatePem] },
      ...more,
    })
    client.on('error', () => undefined)
    onTestFinished(() => void client.end(true))
    return client
  }

  async function talk(gateway: Enrolled, more: IClientOptions = {}) {
    const client = await open(gateway, more)
    const heard: DownMessage[] = []
    client.on('message', (_topic, payload) => heard.push(JSON.parse(payload.toString())))
    await client.subscribeAsync(downTopic(gateway.gatewayId), { qos: 1 })
    const say = (message: UpMessage) =>
      client.publishAsync(upTopic(gateway.gatewayId), JSON.stringify(message), { qos: 1 })
    const hear = <Kind extends DownMessage['kind']>(kind: Kind, count = 1) =>
      vi.waitFor(
        () => {
          const found = heard.filter((one): one is Extract<DownMessage, { kind: Kind }> => one.kind === kind)
          const last = found[count - 1]
          if (!last) throw new Error(`no ${kind}: ${JSON.stringify(heard)}`)
          return last
        },
        { timeout: 20_000, interval: 10 },
      )
    return { client, say, hear, heard }
  }

  return {
    ...{ db, ca, tokens, broker, channel, keys, port, webSocketPort, enroll, open, talk },
    async close() {
      await channel.close()
      await broker.close()
      await new Promise((resolve) => http.close(resolve))
      metrics.close()
      await close()
      await database.drop()
    },
  }
}

export const hello = (connectionId: string): UpMessage => ({ kind: 'hello', connectionId, version: '1', devices: [] })
