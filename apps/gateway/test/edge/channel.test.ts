import type { DownMessage } from '@ocelli/contract'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ChannelBench, createChannelBench, helloAgain, untilConnected, within } from './channel-bench.ts'
import { gatewayId } from './test-platform.ts'

let bench: ChannelBench
beforeAll(async () => {
  bench = await createChannelBench()
})
afterEach(() => bench.clear())

describe('channel', () => {
  test('connects over TLS by its certificate, with MQTT 3.1.1, a clean session and its id as both names', async () => {
    const broker = await bench.startBroker()
    const { channel, states } = bench.open(broker)
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
    const broker = await bench.startBroker()
    const { channel, messages } = bench.open(broker)
    channel.onConnection(({ connected }) => connected && void broker.send(gatewayId, helloAgain(7)))
    await expect.poll(() => messages, within).toEqual([helloAgain(7)])
    await channel.publish({ kind: 'heartbeat', connectionId: 'c', session: 7 })
    expect(broker.said).toEqual([{ kind: 'heartbeat', connectionId: 'c', session: 7 }])
  })

  test('what comes in the moment of the subscription is heard, after it says that it is connected', async () => {
    const broker = await bench.startBroker()
    const order: string[] = []
    const { channel } = bench.open(broker)
    channel.onConnection(() => void order.push('connection'))
    channel.onMessage(() => void order.push('message'))
    broker.onSubscribe = () => void broker.send(gatewayId, helloAgain(1))
    await expect.poll(() => order, within).toEqual(['connection', 'message'])
  })

  test('drops what does not have the agreed form, without writing it to the log, and goes on', async () => {
    const broker = await bench.startBroker()
    const { channel, messages, log } = bench.open(broker)
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
    const broker = await bench.startBroker()
    const { channel } = bench.open(broker)
    channel.onMessage(() => {
      throw new Error('broken listener')
    })
    const heard: DownMessage[] = []
    channel.onMessage((message) => void heard.push(message))
    await untilConnected(channel)
    await broker.send(gatewayId, helloAgain(1))
    await expect.poll(() => heard.length, within).toBe(1)
  })

  test('says gone when it is closed, leaves without a last will, and does not come back', async () => {
    const broker = await bench.startBroker()
    const { channel } = bench.open(broker)
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
    const broker = await bench.startBroker()
    const { channel } = bench.open(broker)
    const message = { kind: 'heartbeat' as const, connectionId: 'c', session: 1 }
    await expect(channel.publish(message)).rejects.toMatchObject({ code: 'platform-unreachable', retryable: true })
    await untilConnected(channel)
    const sent = channel.publish(message)
    broker.breakAll()
    await expect(sent).rejects.toMatchObject({ code: 'platform-unreachable' })
  })
})
