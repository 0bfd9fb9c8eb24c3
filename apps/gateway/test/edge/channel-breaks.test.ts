import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { GatewayIdentity } from '../../src/platform/gateway-identity.ts'
import { createSystemClock } from '../../src/state/clock.ts'
import { type ChannelBench, createChannelBench, createEagerClock, untilConnected, within } from './channel-bench.ts'
import { gatewayId } from './test-platform.ts'

let bench: ChannelBench
beforeAll(async () => {
  bench = await createChannelBench()
})
afterEach(() => bench.clear())

describe('a channel that breaks', () => {
  test('comes back after a break with a new connection id, and the broker has said the last will of the old one', async () => {
    const broker = await bench.startBroker()
    const { channel, states } = bench.open(broker)
    await untilConnected(channel)
    const first = channel.connection.connectionId
    broker.breakAll()
    await expect.poll(() => states.length, within).toBe(3)
    expect(states.map(({ connected }) => connected)).toEqual([true, false, true])
    expect(channel.connection.connectionId).not.toBe(first)
    await expect.poll(() => broker.said, within).toEqual([{ kind: 'gone', connectionId: first }])
    expect(broker.wills).toEqual(broker.said)
  })

  test('waits longer after each failure, up to two minutes', async () => {
    const broker = await bench.startBroker()
    broker.admits = () => false
    const { clock, sleeps } = createEagerClock()
    bench.open(broker, { clock })
    await expect.poll(() => sleeps.length, within).toBeGreaterThan(9)
    expect(sleeps.slice(0, 9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  test('connections that do not last count as failures', async () => {
    const broker = await bench.startBroker()
    const { clock, sleeps } = createEagerClock()
    const { channel, log } = bench.open(broker, { clock })
    channel.onConnection(({ connected }) => connected && broker.breakAll())
    await expect.poll(() => sleeps.length, within).toBeGreaterThan(3)
    expect(sleeps.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000])
    // two gateways on one identity throw each other out, and nothing else would say so
    expect(log.lines.filter((line) => line.startsWith('warn') && line.includes('a copy of this folder'))).toHaveLength(
      1,
    )
  })

  test('comes back first by the way that worked last', async () => {
    const broker = await bench.startBroker()
    await broker.closeDirect()
    const { channel, states, log } = bench.open(broker, { clock: { ...createSystemClock() } })
    await untilConnected(channel)
    broker.breakAll()
    await expect.poll(() => states.length, within).toBe(3)
    expect(log.lines.filter((line) => line.includes('One way'))).toHaveLength(1)
  })

  test('takes a renewed certificate from the next connection on', async () => {
    const broker = await bench.startBroker()
    const renewed: Partial<GatewayIdentity> = {}
    const { channel, states } = bench.open(broker, { identity: renewed })
    await untilConnected(channel)
    renewed.certificate = await bench.issue('renewed')
    broker.breakAll()
    await expect.poll(() => states.length, within).toBe(3)
    expect(broker.logins.map(({ commonName }) => commonName)).toEqual([gatewayId, 'renewed'])
  })
})
