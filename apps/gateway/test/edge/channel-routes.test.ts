import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  type ChannelBench,
  createChannelBench,
  createEagerClock,
  helloAgain,
  untilConnected,
  within,
} from './channel-bench.ts'
import { createTestAuthority } from './test-authority.ts'
import { gatewayId } from './test-platform.ts'

let bench: ChannelBench
beforeAll(async () => {
  bench = await createChannelBench()
})
afterEach(() => bench.clear())

describe('the way of a channel', () => {
  test('gives no certificate and no word to a broker of another CA', async () => {
    const stranger = await createTestAuthority('Somebody else')
    const broker = await bench.startBroker({ ...(await stranger.issueServer()), ca: bench.server.ca })
    const { log } = bench.open(broker)
    await expect.poll(() => log.lines.filter((line) => line.includes('cannot be reached')).length, within).toBe(1)
    expect(broker.logins).toEqual([])
  })

  test('goes by WebSocket with an access token where the port is closed', async () => {
    const broker = await bench.startBroker()
    await broker.closeDirect()
    const { channel, messages, log } = bench.open(broker)
    await untilConnected(channel)
    expect(broker.logins).toMatchObject([{ path: 'web-socket', username: gatewayId, password: 'access-token-1' }])
    await broker.send(gatewayId, helloAgain(2))
    await expect.poll(() => messages, within).toEqual([helloAgain(2)])
    expect(log.lines.join('\n')).not.toContain('access-token-1')
  })

  test('goes back to the port when it is open again', async () => {
    const broker = await bench.startBroker()
    await broker.closeDirect()
    const { clock, sleeps } = createEagerClock()
    const { channel } = bench.open(broker, { clock })
    await untilConnected(channel)
    await expect.poll(() => sleeps.slice(0, 5), within).toEqual([600_000, 1_200_000, 2_400_000, 4_800_000, 7_200_000])
    await broker.openDirect()
    await expect.poll(() => broker.logins.at(-1)?.path, within).toBe('direct')
    await untilConnected(channel)
    await expect.poll(() => broker.clientCount(), within).toBe(1)
    expect(broker.wills).toEqual([])
  })

  test('a port that is let through and then swallowed does not keep it from connecting', async () => {
    const broker = await bench.startBroker()
    const hole = createServer()
    hole.on('connection', (socket) => void socket.pause())
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      hole.close()
      hole.closeAllConnections()
    })
    const mqttUrl = `mqtts://localhost:${(hole.address() as AddressInfo).port}`
    const { channel } = bench.open(broker, { identity: { mqttUrl }, connectTimeoutMs: 300 })
    await untilConnected(channel)
    expect(broker.logins).toMatchObject([{ path: 'web-socket' }])
  })

  test('its WebSocket obeys HTTPS_PROXY', async () => {
    const broker = await bench.startBroker({
      ...(await bench.authority.issueServer('platform.invalid')),
      ca: bench.server.ca,
    })
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
    onTestFinished(() => {
      proxy.close()
      proxy.closeAllConnections()
    })
    const { channel } = bench.open(broker, {
      identity: { mqttUrl: 'mqtts://platform.invalid:8883', mqttWebSocketUrl: 'wss://platform.invalid/mqtt' },
      env: { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` },
    })
    await untilConnected(channel)
    expect(tunnels).toEqual(['platform.invalid:443'])
  })

  test('works without TLS beside a platform on the same machine, then with an access token', async () => {
    const broker = await bench.startBroker(null)
    const { channel } = bench.open(broker)
    await untilConnected(channel)
    expect(broker.logins).toMatchObject([{ path: 'direct', password: 'access-token-1', commonName: null }])
  })
})
