import { createPrivateKey } from 'node:crypto'
import type { DownMessage } from '@ocelli/contract'
import { expect } from 'vitest'
import { type Channel, type ConnectionState, createChannel } from '../../src/channel/channel.ts'
import { createCertificateRequest } from '../../src/platform/certificate-request.ts'
import { type GatewayIdentity, generatePrivateKey } from '../../src/platform/gateway-identity.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { createRecordingLog } from './quiet-log.ts'
import { createTestAuthority, type Pair } from './test-authority.ts'
import { startTestBroker, type TestBroker } from './test-broker.ts'
import { gatewayId, siteId } from './test-platform.ts'

export interface OpenOptions {
  identity?: Partial<GatewayIdentity>
  env?: Record<string, string>
  clock?: Clock
  connectTimeoutMs?: number
}

export type ChannelBench = Awaited<ReturnType<typeof createChannelBench>>

export const within = { timeout: 10_000, interval: 10 }
export const untilConnected = (channel: Channel) => expect.poll(() => channel.connection.connected, within).toBe(true)
export const helloAgain = (session: number) => ({ kind: 'hello-again' as const, session })

/** Sleeps are long in name only; what was asked for is kept. */
export function createEagerClock() {
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

/** An enrolled gateway's identity, brokers of its platform's CA, and channels from the one to the other. */
export async function createChannelBench() {
  const authority = await createTestAuthority()
  const server: Pair & { ca: string } = { ...(await authority.issueServer()), ca: authority.certificate }
  const privateKey = generatePrivateKey()
  const csr = createCertificateRequest(createPrivateKey(privateKey))
  const certificate = await authority.issueFor(csr, { commonName: gatewayId })
  const ownIdentity: GatewayIdentity = {
    ...{ gatewayId, siteId, name: 'g', platformUrl: 'https://localhost', privateKey, certificate },
    ...{ caCertificate: authority.certificate, mqttUrl: '', mqttWebSocketUrl: '' },
  }
  const opened: Channel[] = []
  const brokers: TestBroker[] = []

  return {
    ...{ authority, server },
    /** Another certificate for the gateway's own key. */
    issue: (commonName: string) => authority.issueFor(csr, { commonName }),
    async startBroker(tls: (Pair & { ca: string }) | null = server): Promise<TestBroker> {
      const broker = await startTestBroker({ tls })
      brokers.push(broker)
      return broker
    },
    open(broker: TestBroker, options: OpenOptions = {}) {
      const log = createRecordingLog()
      const messages: DownMessage[] = []
      const states: ConnectionState[] = []
      const urls = { mqttUrl: broker.directUrl, mqttWebSocketUrl: broker.webSocketUrl }
      const channel = createChannel({
        identity: () => ({ ...ownIdentity, ...urls, ...options.identity }),
        accessToken: async () => 'access-token-1',
        env: options.env ?? {},
        clock: options.clock ?? createEagerClock().clock,
        random: () => 0.5,
        log,
        connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
      })
      opened.push(channel)
      channel.onMessage((message) => void messages.push(message))
      channel.onConnection((state) => void states.push(state))
      return { channel, messages, states, log }
    },
    /** Ends what the test has started. */
    async clear(): Promise<void> {
      await Promise.all(opened.splice(0).map((channel) => channel.close()))
      await Promise.all(brokers.splice(0).map((broker) => broker.close()))
    },
  }
}
