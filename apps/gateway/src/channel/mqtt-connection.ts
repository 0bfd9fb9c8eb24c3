import { getCACertificates } from 'node:tls'
import { downTopic, upTopic } from '@ocelli/contract'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { writeToStream } from 'mqtt-packet'
import type { GatewayIdentity } from '../platform/gateway-identity.ts'
import { type Environment, proxyAgentFor } from '../platform/proxy.ts'
import { describeError } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'

/** One connection to the broker, subscribed to the gateway's own topic. It never reconnects. */
export interface MqttConnection {
  publish(text: string): Promise<void>
  /** Resolves with a sentence when the connection is no more. */
  readonly closed: Promise<string>
  /** With a DISCONNECT, so that the broker says no last will. */
  end(): Promise<void>
  /** At once; the broker says the last will. */
  abort(): void
}

export interface MqttConnectionOptions {
  url: string
  identity: GatewayIdentity
  /** Null where the client certificate is the proof. */
  password: string | null
  lastWill: string
  env: Environment
  keepaliveSeconds: number
  connectTimeoutMs: number
  onText: (text: string) => void
  signal: AbortSignal
}

const qos = 1 as const

/** Throws `platform-unreachable` or the signal's reason. */
export async function openMqttConnection(options: MqttConnectionOptions): Promise<MqttConnection> {
  const { url, identity, onText, signal } = options
  signal.throwIfAborted()
  // else mqtt-packet makes a buffer for each of 65,536 numbers at the first packet: 19 MB
  writeToStream.cacheNumbers = false
  const topics = { up: upTopic(identity.gatewayId), down: downTopic(identity.gatewayId) }
  const client = connect(url, clientOptions(options, topics.up))
  const closed = whenClosed(client)
  client.on('message', (_topic, payload) => onText(payload.toString('utf8')))
  try {
    await untilEnded(signal, closed, async () => {
      await whenConnected(client)
      await subscribe(client, topics.down)
    })
  } catch (error) {
    client.end(true)
    signal.throwIfAborted()
    const detail = `Cannot open the device channel at ${url}: ${describeError(error)}`
    throw new GatewayError('platform-unreachable', detail, { cause: error })
  }
  return {
    closed,
    publish: createPublisher(client, topics.up, closed),
    end: () => client.endAsync(false).then(() => undefined),
    abort: () => void client.end(true),
  }
}

/** What the broker has not acknowledged when the connection ends is told as not taken. */
function createPublisher(client: MqttClient, topic: string, closed: Promise<string>) {
  const waiting = new Set<(error: Error) => void>()
  let ended: string | null = null
  void closed.then((reason) => {
    ended = reason
    for (const reject of waiting) reject(notTaken(reason))
  })
  return async (text: string): Promise<void> => {
    if (ended !== null) throw notTaken(ended)
    let giveUp: (error: Error) => void = () => undefined
    const lost = new Promise<never>((_resolve, reject) => {
      giveUp = reject
    })
    waiting.add(giveUp)
    try {
      await Promise.race([client.publishAsync(topic, text, { qos }), lost])
    } catch (error) {
      throw error instanceof GatewayError ? error : notTaken(describeError(error), error)
    } finally {
      waiting.delete(giveUp)
    }
  }
}

const notTaken = (reason: string, cause?: unknown) =>
  new GatewayError('platform-unreachable', `The broker did not take the message: ${reason}`, { cause })

function clientOptions(options: MqttConnectionOptions, upName: string): IClientOptions {
  const { identity, password, lastWill, env, keepaliveSeconds, connectTimeoutMs } = options
  const url = new URL(options.url)
  return {
    protocolVersion: 4, // MQTT 3.1.1
    clean: true,
    clientId: identity.gatewayId,
    username: identity.gatewayId,
    ...(password === null ? {} : { password }),
    keepalive: keepaliveSeconds,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    will: { topic: upName, payload: Buffer.from(lastWill), qos, retain: false },
    ...(url.protocol === 'mqtts:' ? clientCertificate(identity) : {}),
    ...(url.protocol === 'wss:' ? webSocketTrust(url, identity, env) : {}),
    ...(url.protocol === 'ws:' ? { wsOptions: { agent: proxyAgentFor(url, env) } } : {}),
  }
}

/** The broker's certificate comes from the platform's own CA and from nobody else. */
function clientCertificate({ certificate, privateKey, caCertificate }: GatewayIdentity): IClientOptions {
  return { cert: certificate, key: privateKey, ca: [caCertificate], rejectUnauthorized: true }
}

/** The same server as the API, which may show a public certificate. */
function webSocketTrust(url: URL, { caCertificate }: GatewayIdentity, env: Environment): IClientOptions {
  const ca = [...getCACertificates('default'), caCertificate]
  return { wsOptions: { agent: proxyAgentFor(url, env), ca, rejectUnauthorized: true } }
}

function whenConnected(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('connect', () => resolve()))
}

/** The last error names the reason; `close` alone says nothing. */
function whenClosed(client: MqttClient): Promise<string> {
  let reason = 'the connection was closed'
  client.on('error', (error) => {
    reason = describeError(error)
  })
  return new Promise((resolve) => client.once('close', () => resolve(reason)))
}

async function subscribe(client: MqttClient, topic: string): Promise<void> {
  const granted = await client.subscribeAsync(topic, { qos })
  // 128 is a refusal (MQTT 3.1.1, 3.9.3); the library reports it as a granted level.
  if (granted.some((grant) => grant.qos > 2)) throw new Error('the broker refused the subscription')
}

/** The job's result, unless the connection ends or the signal aborts first. */
async function untilEnded(signal: AbortSignal, closed: Promise<string>, job: () => Promise<void>): Promise<void> {
  const settled = new AbortController()
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: settled.signal })
  })
  const lost = closed.then((reason) => {
    throw new Error(reason)
  })
  try {
    await Promise.race([job(), lost, aborted])
  } finally {
    settled.abort()
  }
}
