import type { X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import { channelRoot, downTopic } from '@ocelli/contract'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { awaitPart, isNetworkFailure, type Patience } from '../await-part.ts'
import type { CertificateAuthority, KeyAndCertificate } from '../ca/certificate-authority.ts'
import { createLastingCertificate } from '../ca/lasting-certificate.ts'
import { type Broker, type MessageHandler, makeNumbersAsNeeded } from './broker.ts'

export interface ExternalBrokerOptions extends Patience {
  /** `mqtts://user:password@host:8883`; user and password only where the broker asks for them beside the certificate. */
  url: string
  ca: CertificateAuthority
  nowMs: () => number
  connectTimeoutMs?: number
}

/** The common name of the certificate that the platform shows at an external broker. */
export const platformCommonName = 'ocelli-platform'
const sharedTopic = `$share/${platformCommonName}/${channelRoot}/+/up`
const upPattern = /^ocelli\/v1\/gateways\/([0-9a-f-]{36})\/up$/
const dayMs = 86_400_000
const certificateLifeMs = 30 * dayMs
const renewedAfterMs = 20 * dayMs
/** The broker's own certificate is renewed by hand: early enough for a change that has to be planned. */
const brokerWarnedBeforeMs = 60 * dayMs
const maxBeingHandled = 500

/**
 * A broker or cluster that enforces by itself that a gateway reaches only its own topics (`ocelli-platform broker check`
 * proves it). Each message goes to one of the platform's processes, by a shared subscription.
 */
export function createExternalBroker(options: ExternalBrokerOptions): Broker {
  const { url, ca, log, nowMs, signal, patienceMs, connectTimeoutMs = 10_000 } = options
  const isSecure = url.startsWith('mqtts:')
  makeNumbersAsNeeded()
  const certificate = createLastingCertificate({
    issue: () => ca.issueClientCertificate({ commonName: platformCommonName, lifeMs: certificateLifeMs }),
    ...{ renewedAfterMs, nowMs },
  })
  let open: { client: MqttClient; shown: KeyAndCertificate } | null = null
  let handle: MessageHandler = () => undefined
  let beingHandled = 0
  let warnedAtMs = 0

  async function connect(shown: KeyAndCertificate): Promise<MqttClient> {
    const options: IClientOptions = {
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 1000,
      resubscribe: true,
      connectTimeout: connectTimeoutMs,
      // a message that waited for the broker would be stale: it is sent again from the database
      queueQoSZero: false,
      ...(isSecure ? { ...toLogin(shown), ca: [ca.certificatePem] } : {}),
    }
    const client = await connectAsync(url, options, false)
    client.on('error', (error) => log.error({ err: error }, 'the MQTT broker cannot be reached'))
    client.on('reconnect', () => log.warn('connecting to the MQTT broker again'))
    take(client)
    try {
      await subscribe(client)
      return client
    } catch (error) {
      client.end(true)
      throw error
    }
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

  /** A second connection first, then the first one's end: no moment without a subscriber. */
  async function change(former: MqttClient, present: KeyAndCertificate): Promise<void> {
    // whatever becomes of the second one: the first shows the new certificate, should it have to connect again
    Object.assign(former.options, toLogin(present))
    if (!former.connected) {
      open = { client: former, shown: present }
      return
    }
    open = { client: await connect(present), shown: present }
    log.info('the MQTT broker is shown a new certificate')
    await leave(former, connectTimeoutMs)
  }

  function lookAtBrokersCertificate(client: MqttClient): void {
    if (nowMs() - warnedAtMs < dayMs) return
    const validUntil = certificateOfBroker(client)?.validTo
    if (validUntil === undefined || Date.parse(validUntil) - nowMs() > brokerWarnedBeforeMs) return
    warnedAtMs = nowMs()
    log.warn(
      { validUntil },
      'the certificate of the MQTT broker ends soon; make one with: ocelli-platform broker certificate',
    )
  }

  return {
    async listen() {
      const shown = await certificate.present()
      const patience = { patienceMs, signal, log, part: 'the MQTT broker', isAway: isBrokerAway }
      open = { client: await awaitPart(() => connect(shown), patience), shown }
      return { port: null }
    },
    onMessage: (handler) => {
      handle = handler
    },
    onConnect: () => undefined,
    onDisconnect: () => undefined,
    publish(gatewayId, message) {
      if (!open?.client.connected) return
      open.client.publish(downTopic(gatewayId), JSON.stringify(message), { qos: 1 }, (error) => {
        if (error) log.warn({ err: error, gatewayId, kind: message.kind }, 'a message was not taken by the broker')
      })
    },
    // such a gateway stays connected to the broker, but what it says is not heard: every statement asks for revoked_at
    disconnect: () => undefined,
    attachWebSocket: () => undefined,
    async renewCertificate() {
      if (!open || !isSecure) return
      const present = await certificate.present()
      if (present !== open.shown) await change(open.client, present)
      lookAtBrokersCertificate(open.client)
    },
    certificates() {
      if (!open || !isSecure) return {}
      const shownToUs = certificateOfBroker(open.client)
      return { 'mqtt-client': open.shown.certPem, ...(shownToUs && { 'mqtt-broker': shownToUs.toString() }) }
    },
    async close() {
      await open?.client.endAsync(true)
      open = null
    },
  }
}

/** A broker that takes the connection and says nothing is told without a code. */
const isBrokerAway = (error: unknown): boolean =>
  isNetworkFailure(error) || (error instanceof Error && error.message === 'connack timeout')

/** Undefined while there is no connection. */
const certificateOfBroker = ({ stream }: MqttClient): X509Certificate | undefined =>
  stream instanceof TLSSocket ? stream.getPeerX509Certificate() : undefined

const toLogin = ({ certPem, keyPem }: KeyAndCertificate) => ({ cert: certPem, key: keyPem })

async function subscribe(client: MqttClient): Promise<void> {
  const granted = await client.subscribeAsync(sharedTopic, { qos: 1 })
  // 128 is a refusal (MQTT 3.1.1, 3.9.3)
  if (granted.some(({ qos }) => qos > 2))
    throw new Error('The MQTT broker refuses the subscription of the platform: see `ocelli-platform broker check`.')
}

/**
 * After the answer to UNSUBSCRIBE the broker sends it nothing more, and all that came before has been taken in. A broker
 * that does not answer is left all the same.
 */
async function leave(client: MqttClient, patienceMs: number): Promise<void> {
  const patience = setTimeout(() => client.end(true), patienceMs)
  const hasEnded = new Promise<void>((resolve) => client.once('close', () => resolve()))
  try {
    await Promise.race([client.unsubscribeAsync(sharedTopic).then(() => client.endAsync(false)), hasEnded])
  } finally {
    clearTimeout(patience)
    client.end(true)
  }
}
