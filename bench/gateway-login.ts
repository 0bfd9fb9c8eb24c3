import { randomBytes } from 'node:crypto'
import { downTopic, type Enrollment, upTopic, type Welcome } from '@ocelli/contract'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { GatewayKey } from './gateway-key.ts'
import { fetchToken } from './platform-process.ts'

export const servedWithinMs = 120_000

/** How a gateway reaches the device channel: an address, and what proves who it is. */
export type Way = (enrollment: Enrollment) => Promise<{ url: string; options: IClientOptions }>

/** The MQTT port, by client certificate. */
export const overTls =
  (key: GatewayKey): Way =>
  async ({ mqttUrl, certificate, caCertificate }) => ({
    url: mqttUrl,
    options: { cert: certificate, key: key.privatePem, ca: caCertificate },
  })

/** WebSocket on the HTTP port, by access token: what the platform carries when a proxy before it ends TLS. */
export const behindProxy =
  (key: GatewayKey, platformUrl: string): Way =>
  async ({ gatewayId }) => ({
    url: `${platformUrl.replace('http', 'ws')}/mqtt`,
    options: { password: await fetchToken(platformUrl, key.assertionForm(gatewayId)) },
  })

/** Connects, subscribes, says hello, and resolves when the platform's welcome has come. */
export async function logIn(enrollment: Enrollment, way: Way): Promise<MqttClient> {
  const { gatewayId } = enrollment
  const connectionId = randomBytes(8).toString('hex')
  const { url, options } = await way(enrollment)
  const client = connect(url, {
    ...{ clientId: gatewayId, username: gatewayId, protocolVersion: 4, clean: true, keepalive: 120 },
    ...{ connectTimeout: servedWithinMs, reconnectPeriod: 1000, resubscribe: false },
    ...options,
  })
  return await new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('A gateway was not welcomed in time.')), servedWithinMs)
    // whoever is turned away under load comes again, as gateways do
    client.on('error', () => {})
    client.on('connect', () => {
      client.subscribe(downTopic(gatewayId), { qos: 1 }, () =>
        client.publish(
          upTopic(gatewayId),
          JSON.stringify({ kind: 'hello', connectionId, version: 'bench', devices: [] }),
          { qos: 1 },
        ),
      )
    })
    client.on('message', (_topic, payload) => {
      const message = JSON.parse(payload.toString()) as Welcome
      if (message.kind !== 'welcome' || message.connectionId !== connectionId) return
      clearTimeout(deadline)
      resolve(client)
    })
  })
}
