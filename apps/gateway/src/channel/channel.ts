import { randomUUID } from 'node:crypto'
import type { DownMessage, UpMessage } from '@ocelli/contract'
import { pause } from '../state/clock.ts'
import { describeError } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { reconnectWaitMs } from './backoff.ts'
import { type ConnectorOptions, createConnector } from './connector.ts'
import { createDownReader } from './down-reader.ts'
import { createInbox } from './inbox.ts'
import { createListeners } from './listeners.ts'
import type { MqttConnection } from './mqtt-connection.ts'

export type ConnectionState = { connected: true; connectionId: string } | { connected: false; connectionId: null }

/**
 * The gateway's line to the platform. It reconnects by itself and knows nothing of sessions.
 * Listeners are called one after the other, in the order of arrival; each `on...` gives the function that ends it.
 */
export interface Channel {
  readonly connection: ConnectionState
  /**
   * Resolves when the broker has taken the message (QoS 1), which does not mean that the platform has committed it.
   * Rejects with `platform-unreachable` when not connected or when the connection broke first: nothing is queued.
   */
  publish(message: UpMessage): Promise<void>
  onMessage(listener: (message: DownMessage) => void): () => void
  /** Called at every change; the down topic is subscribed before `connected: true` is told. */
  onConnection(listener: (state: ConnectionState) => void): () => void
  /** Says `gone`, and that no work is left under way; closes, and does not come back. */
  close(): Promise<void>
}

export interface ChannelOptions extends ConnectorOptions {
  random: () => number
}

/** A connection that lasted less counts as one more failure: two gateways with one id would throw each other out. */
const steadyAfterMs = 30_000
const goodbyeWithinMs = 1_000
/** Fewer may be a platform that is started again. */
const suspectAfter = 3

/** Begins to connect at once and goes on until it is closed. */
export function createChannel(options: ChannelOptions): Channel {
  const { clock, random, log } = options
  const connector = createConnector(options)
  const messages = createListeners<DownMessage>(log)
  const connections = createListeners<ConnectionState>(log)
  const readDown = createDownReader(log)
  const closing = new AbortController()
  const { signal } = closing
  let current: MqttConnection | null = null
  let connection: ConnectionState = { connected: false, connectionId: null }

  function become(next: ConnectionState, mqtt: MqttConnection | null): void {
    current = mqtt
    connection = next
    connections.tell(next)
  }

  function deliver(text: string): void {
    const message = readDown(text)
    if (message) messages.tell(message)
  }

  /** One connection from its beginning to its end. */
  async function stayConnected(): Promise<{ lastedMs: number }> {
    const connectionId = randomUUID()
    const inbox = createInbox(deliver)
    const { kind, mqtt } = await connector.open({ connectionId, onText: inbox.take, signal })
    const beganAtMs = clock.monotonic()
    log.info({ route: kind, connectionId }, 'Connected to the platform')
    become({ connected: true, connectionId }, mqtt)
    inbox.open()
    const leaving = new AbortController()
    const better = connector.whenBetter(kind, AbortSignal.any([signal, leaving.signal]))
    const reason = await Promise.race([mqtt.closed, better])
    leaving.abort()
    log.info({ connectionId, reason }, 'The connection to the platform ended')
    become({ connected: false, connectionId: null }, null)
    if (!signal.aborted) await endWithin(goodbyeWithinMs, mqtt)
    return { lastedMs: clock.monotonic() - beganAtMs }
  }

  async function run(): Promise<void> {
    let failures = 0
    let cutShort = 0
    while (!signal.aborted) {
      try {
        const { lastedMs } = await stayConnected()
        const isSteady = lastedMs >= steadyAfterMs
        failures = isSteady ? 0 : failures + 1
        cutShort = isSteady ? 0 : cutShort + 1
        if (cutShort === suspectAfter && !signal.aborted) log.warn({ times: cutShort }, cutShortAgain)
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        log.warn({ error: describeError(error) }, 'The platform cannot be reached; it is tried again')
      }
      await pause(clock, reconnectWaitMs(failures, random), signal)
    }
  }

  async function publish(message: UpMessage): Promise<void> {
    if (!current) throw new GatewayError('platform-unreachable', 'There is no connection to the platform right now.')
    await current.publish(JSON.stringify(message))
  }

  const running = run()

  return {
    get connection() {
      return connection
    },
    publish,
    onMessage: messages.add,
    onConnection: connections.add,
    async close() {
      const leaving = current
      if (leaving && connection.connected && !signal.aborted) {
        await within(goodbyeWithinMs, publish({ kind: 'gone', connectionId: connection.connectionId, isAtRest: true }))
      }
      closing.abort(new GatewayError('cancelled', 'The gateway is stopping.'))
      if (leaving) await endWithin(goodbyeWithinMs, leaving)
      await running
    },
  }
}

const cutShortAgain =
  'The platform takes this connection and ends it again and again. Does another gateway run on a copy of this folder?'

/** A connection that has broken already has nobody to say DISCONNECT to. */
async function endWithin(ms: number, mqtt: MqttConnection): Promise<void> {
  await within(ms, Promise.race([mqtt.closed, mqtt.end()]))
  mqtt.abort()
}

/** Waits by the system's own timer: a goodbye is bounded also where the clock is a virtual one. It may fail. */
async function within(ms: number, goodbye: Promise<unknown>): Promise<void> {
  const enough = AbortSignal.timeout(ms)
  const late = new Promise((resolve) => enough.addEventListener('abort', resolve, { once: true }))
  await Promise.race([goodbye.catch(() => undefined), late])
}
