import { createPrivateKey } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import type { DownMessage } from '@ocelli/contract'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Channel, type ConnectionState, createChannel } from '../../src/channel/channel.ts'
import { createCertificateRequest } from '../../src/platform/certificate-request.ts'
import { type GatewayIdentity, generatePrivateKey } from '../../src/platform/gateway-identity.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { createRecordingLog } from './quiet-log.ts'
import { createTestAuthority, type Pair, type TestAuthority } from './test-authority.ts'
import { startTestBroker, type TestBroker } from './test-broker.ts'
import { gatewayId, siteId } from './test-platform.ts'

let authority: TestAuthority
let server: Pair & { ca: string }
let identity: GatewayIdentity
let broker: TestBroker
let channels: Channel[] = []
let endings: (() => unknown)[] = []

beforeAll(async () => {
  authority = await createTestAuthority()
  server = { ...(await authority.issueServer()), ca: authority.certificate }
  const privateKey = generatePrivateKey()
  const csr = createCertificateRequest(createPrivateKey(privateKey))
  const certificate = await authority.issueFor(csr, { commonName: gatewayId })
  identity = {
    ...{ gatewayId, siteId, name: 'g', platformUrl: 'https://localhost', privateKey, certificate },
    ...{ caCertificate: authority.certificate, mqttUrl: '', mqttWebSocketUrl: '' },
  }
})
afterEach(async () => {
  await Promise.all(channels.map((channel) => channel.close()))
  channels = []
  await broker.close()
  for (const end of endings) end()
  endings = []
})

/** Sleeps are long in name only; what was asked for is kept. */
function createEagerClock() {
  const system = createSystemClock()
  const sleeps: number[] = []
  const clock: Clock = {
    ...system,
    sleep(ms, signal) {
      sleeps.push(ms)
      return system.sleep(10, signal)
    },
  }
  return { clock, sleeps }
}

interface OpenOptions {
  identity?: Partial<GatewayIdentity>
  env?: Record<string, string>
  clock?: Clock
  connectTimeoutMs?: number
}

function open(options: OpenOptions = {}) {
  const log = createRecordingLog()
  const messages: DownMessage[] = []
  const states: ConnectionState[] = []
  const urls = { mqttUrl: broker.directUrl, mqttWebSocketUrl: broker.webSocketUrl }
  const channel = createChannel({
    identity: () => ({ ...identity, ...urls, ...options.identity }),
    accessToken: async () => 'access-token-1',
    env: options.env ?? {},
    clock: options.clock ?? createEagerClock().clock,
    random: () => 0.5,
    log,
    connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
  })
  channels.push(channel)
  channel.onMessage((message) => void messages.push(message))
  channel.onConnection((state) => void states.push(state))
  return { channel, messages, states, log }
}

const within = { timeout: 10_000, interval: 10 }
const untilConnected = (channel: Channel) => expect.poll(() => channel.connection.connected, within).toBe(true)
const helloAgain = (session: number) => ({ kind: 'hello-again' as const, session })

describe('channel', () => {
  test('connects over TLS by its certificate, with MQTT 3.1.1, a clean session and its id as both names', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel, states } = open()
    await untilConnected(channel)
    expect(broker.logins).toEqual([
      {
        clientId: gatewayId,
        username: gatewayId,
        password: undefined,
        protocolVersion: 4,
        clean: true,
        commonName: gatewayId,
        path: 'direct',
      },
    ])
    expect(states).toEqual([{ connected: true, connectionId: channel.connection.connectionId }])
  })

  test('carries messages both ways, and is subscribed when it says that it is connected', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel, messages } = open()
    channel.onConnection(({ connected }) => connected && void broker.send(gatewayId, helloAgain(7)))
    await expect.poll(() => messages, within).toEqual([helloAgain(7)])
    await channel.publish({ kind: 'heartbeat', connectionId: 'c', session: 7 })
    expect(broker.said).toEqual([{ kind: 'heartbeat', connectionId: 'c', session: 7 }])
  })

  test('what comes in the moment of the subscription is heard, after it says that it is connected', async () => {
    broker = await startTestBroker({ tls: server })
    const order: string[] = []
    const { channel } = open()
    channel.onConnection(() => void order.push('connection'))
    channel.onMessage(() => void order.push('message'))
    broker.onSubscribe = () => void broker.send(gatewayId, helloAgain(1))
    await expect.poll(() => order, within).toEqual(['connection', 'message'])
  })

  test('drops what does not have the agreed form, without writing it to the log, and goes on', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel, messages, log } = open()
    await untilConnected(channel)
    await broker.send(gatewayId, 'confidential, not JSON')
    await broker.send(gatewayId, { kind: 'ack', session: 'confidential' })
    await broker.send(gatewayId, { kind: 'of-the-future', text: 'confidential' })
    await broker.send(gatewayId, { ...helloAgain(1), field: 'of the future' })
    await expect.poll(() => messages.length, within).toBe(1)
    expect(messages[0]).toMatchObject(helloAgain(1))
    expect(log.lines.filter((line) => line.includes('dropped'))).toHaveLength(3)
    expect(log.lines.join('\n')).not.toContain('confidential')
  })

  test('one listener that fails does not keep the others from hearing', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel } = open()
    channel.onMessage(() => {
      throw new Error('broken listener')
    })
    const heard: DownMessage[] = []
    channel.onMessage((message) => void heard.push(message))
    await untilConnected(channel)
    await broker.send(gatewayId, helloAgain(1))
    await expect.poll(() => heard.length, within).toBe(1)
  })

  test('comes back after a break with a new connection id, and the broker has said the last will of the old one', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel, states } = open()
    await untilConnected(channel)
    const first = channel.connection.connectionId
    broker.breakAll()
    await expect.poll(() => states.length, within).toBe(3)
    expect(states.map(({ connected }) => connected)).toEqual([true, false, true])
    expect(channel.connection.connectionId).not.toBe(first)
    await expect.poll(() => broker.said, within).toEqual([{ kind: 'gone', connectionId: first }])
    expect(broker.wills).toEqual(broker.said)
  })

  test('says gone when it is closed, leaves without a last will, and does not come back', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel } = open()
    await untilConnected(channel)
    const { connectionId } = channel.connection
    await channel.close()
    await channel.close()
    await expect.poll(() => broker.clientCount(), within).toBe(0)
    expect(broker.said).toEqual([{ kind: 'gone', connectionId, isAtRest: true }])
    expect(broker.wills).toEqual([])
    expect(channel.connection).toEqual({ connected: false, connectionId: null })
    await expect(channel.publish({ kind: 'gone', connectionId: 'x' })).rejects.toMatchObject({
      code: 'platform-unreachable',
    })
    expect(broker.logins).toHaveLength(1)
  })

  test('rejects what cannot be sent, and what the broker had not taken when the connection broke', async () => {
    broker = await startTestBroker({ tls: server })
    const { channel } = open()
    const message = { kind: 'heartbeat' as const, connectionId: 'c', session: 1 }
    await expect(channel.publish(message)).rejects.toMatchObject({ code: 'platform-unreachable', retryable: true })
    await untilConnected(channel)
    const sent = channel.publish(message)
    broker.breakAll()
    await expect(sent).rejects.toMatchObject({ code: 'platform-unreachable' })
  })

  test('waits longer after each failure, up to two minutes', async () => {
    broker = await startTestBroker({ tls: server })
    broker.admits = () => false
    const { clock, sleeps } = createEagerClock()
    open({ clock })
    await expect.poll(() => sleeps.length, within).toBeGreaterThan(9)
    expect(sleeps.slice(0, 9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  test('connections that do not last count as failures', async () => {
    broker = await startTestBroker({ tls: server })
    const { clock, sleeps } = createEagerClock()
    const { channel } = open({ clock })
    channel.onConnection(({ connected }) => connected && broker.breakAll())
    await expect.poll(() => sleeps.length, within).toBeGreaterThan(3)
    expect(sleeps.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
  })

  test('gives no certificate and no word to a broker of another CA', async () => {
    const stranger = await createTestAuthority('Somebody else')
    broker = await startTestBroker({ tls: { ...(await stranger.issueServer()), ca: authority.certificate } })
    const { log } = open()
    await expect.poll(() => log.lines.filter((line) => line.includes('cannot be reached')).length, within).toBe(1)
    expect(broker.logins).toEqual([])
  })

  test('goes by WebSocket with an access token where the port is closed', async () => {
    broker = await startTestBroker({ tls: server })
    await broker.closeDirect()
    const { channel, messages, log } = open()
    await untilConnected(channel)
    expect(broker.logins).toMatchObject([{ path: 'web-socket', username: gatewayId, password: 'access-token-1' }])
    await broker.send(gatewayId, helloAgain(2))
    await expect.poll(() => messages, within).toEqual([helloAgain(2)])
    expect(log.lines.join('\n')).not.toContain('access-token-1')
  })

  test('goes back to the port when it is open again', async () => {
    broker = await startTestBroker({ tls: server })
    await broker.closeDirect()
    const { clock, sleeps } = createEagerClock()
    const { channel } = open({ clock })
    await untilConnected(channel)
    await expect.poll(() => sleeps.slice(0, 5), within).toEqual([600_000, 1_200_000, 2_400_000, 4_800_000, 7_200_000])
    await broker.openDirect()
    await expect.poll(() => broker.logins.at(-1)?.path, within).toBe('direct')
    await untilConnected(channel)
    await expect.poll(() => broker.clientCount(), within).toBe(1)
    expect(broker.wills).toEqual([])
  })

  test('comes back first by the way that worked last', async () => {
    broker = await startTestBroker({ tls: server })
    await broker.closeDirect()
    const { channel, states, log } = open({ clock: { ...createSystemClock() } })
    await untilConnected(channel)
    broker.breakAll()
    await expect.poll(() => states.length, within).toBe(3)
    expect(log.lines.filter((line) => line.includes('One way'))).toHaveLength(1)
  })

  test('a port that is let through and then swallowed does not keep it from connecting', async () => {
    broker = await startTestBroker({ tls: server })
    const hole = createServer()
    hole.on('connection', (socket) => void socket.pause())
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
    endings.push(
      () => hole.close(),
      () => hole.closeAllConnections(),
    )
    const mqttUrl = `mqtts://localhost:${(hole.address() as AddressInfo).port}`
    const { channel } = open({ identity: { mqttUrl }, connectTimeoutMs: 300 })
    await untilConnected(channel)
    expect(broker.logins).toMatchObject([{ path: 'web-socket' }])
  })

  test('its WebSocket obeys HTTPS_PROXY', async () => {
    broker = await startTestBroker({ tls: { ...(await authority.issueServer('platform.invalid')), ca: server.ca } })
    const tunnels: string[] = []
    const proxy = createServer().on('connect', (request, client) => {
      tunnels.push(request.url ?? '')
      const upstream = connectTcp(Number(new URL(broker.webSocketUrl).port), '127.0.0.1')
      client.write('HTTP/1.1 200 Connected\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
      upstream.on('error', () => client.destroy())
      client.on('error', () => upstream.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    endings.push(
      () => proxy.close(),
      () => proxy.closeAllConnections(),
    )
    const { channel } = open({
      identity: { mqttUrl: 'mqtts://platform.invalid:8883', mqttWebSocketUrl: 'wss://platform.invalid/mqtt' },
      env: { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` },
    })
    await untilConnected(channel)
    expect(tunnels).toEqual(['platform.invalid:443'])
  })

  test('works without TLS beside a platform on the same machine, then with an access token', async () => {
    broker = await startTestBroker({ tls: null })
    const { channel } = open()
    await untilConnected(channel)
    expect(broker.logins).toMatchObject([{ path: 'direct', password: 'access-token-1', commonName: null }])
  })

  test('takes a renewed certificate from the next connection on', async () => {
    broker = await startTestBroker({ tls: server })
    const csr = createCertificateRequest(createPrivateKey(identity.privateKey))
    const renewed: Partial<GatewayIdentity> = {}
    const { channel, states } = open({ identity: renewed })
    await untilConnected(channel)
    renewed.certificate = await authority.issueFor(csr, { commonName: 'renewed' })
    broker.breakAll()
    await expect.poll(() => states.length, within).toBe(3)
    expect(broker.logins.map(({ commonName }) => commonName)).toEqual([gatewayId, 'renewed'])
  })
})
