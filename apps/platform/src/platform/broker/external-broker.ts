import { channelRoot, downTopic } from '@ocelli/contract'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import type { CertificateAuthority } from '../ca/certificate-authority.ts'
import type { Broker, MessageHandler } from './broker.ts'

export interface ExternalBrokerOptions {
  /** `mqtts://user:password@host:8883`; user and password only where the broker asks for them beside the certificate. */
  url: string
  ca: CertificateAuthority
  log: Logger
  connectTimeoutMs?: number
}

/** The common name of the certificate that the platform shows at an external broker. */
export const platformCommonName = 'ocelli-platform'
const sharedTopic = `$share/${platformCommonName}/${channelRoot}/+/up`
const upPattern = /^ocelli\/v1\/gateways\/([0-9a-f-]{36})\/up$/
const certificateLifeMs = 365 * 86_400_000
const maxBeingHandled = 500

/**
 * A broker or cluster that enforces by itself that a gateway reaches only its own topics (`ocelli-platform broker check`
 * proves it). Each message goes to one of the platform's processes, by a shared subscription.
 */
export function createExternalBroker({ url, ca, log, connectTimeoutMs = 10_000 }: ExternalBrokerOptions): Broker {
  let client: MqttClient | null = null
  let handle: MessageHandler = () => undefined
  let beingHandled = 0

  async function connect(): Promise<MqttClient> {
    const { certPem, keyPem } = await ca.issueClientCertificate({
      commonName: platformCommonName,
      lifeMs: certificateLifeMs,
    })
    const options: IClientOptions = {
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 1000,
      resubscribe: true,
      connectTimeout: connectTimeoutMs,
      // a message that waited for the broker would be stale: it is sent again from the database
      queueQoSZero: false,
      ...(url.startsWith('mqtts:') ? { cert: certPem, key: keyPem, ca: [ca.certificatePem] } : {}),
    }
    return await connectAsync(url, options, false)
  }

  /** The next message is read at once while few are being handled, so that one slow gateway does not hold up the others. */
  function take(mqtt: MqttClient): void {
    mqtt.handleMessage = ({ topic, payload }, done) => {
      const gatewayId = upPattern.exec(topic)?.[1]
      if (!gatewayId) return done()
      beingHandled += 1
      const handled = Promise.resolve(handle(gatewayId, Buffer.from(payload)))
        .catch((error: unknown) => log.error({ err: error, gatewayId }, 'a message could not be handled'))
        .finally(() => {
          beingHandled -= 1
        })
      if (beingHandled < maxBeingHandled) done()
      else void handled.then(() => done())
    }
  }

  return {
    async listen() {
      client = await connect()
      client.on('error', (error) => log.error({ err: error }, 'the MQTT broker cannot be reached'))
      client.on('reconnect', () => log.warn('connecting to the MQTT broker again'))
      take(client)
      await client.subscribeAsync(sharedTopic, { qos: 1 })
      return { port: null }
    },
    onMessage: (handler) => {
      handle = handler
    },
    onConnect: () => undefined,
    onDisconnect: () => undefined,
    publish(gatewayId, message) {
      if (!client?.connected) return
      client.publish(downTopic(gatewayId), JSON.stringify(message), { qos: 1 }, (error) => {
        if (error) log.warn({ err: error, gatewayId, kind: message.kind }, 'a message was not taken by the broker')
      })
    },
    // such a gateway stays connected to the broker, but what it says is not heard: every statement asks for revoked_at
    disconnect: () => undefined,
    attachWebSocket: () => undefined,
    async close() {
      await client?.endAsync(true)
      client = null
    },
  }
}
