import { randomUUID } from 'node:crypto'
import { downTopic, upTopic } from '@ocelli/contract'
import { connectAsync, type MqttClient } from 'mqtt'
import type { CertificateAuthority } from '../../platform/ca/certificate-authority.ts'

export interface BrokerFinding {
  code: 'login-own' | 'login-foreign' | 'subscribe-foreign' | 'publish-foreign'
  passed: boolean
  /** One sentence for a person. */
  detail: string
}

/**
 * Proves by two probe certificates of our CA that a broker lets nobody out of its own topics: a refused publish is silent
 * in MQTT 3.1.1, so it is looked at from the other side. `login-own` fails where the broker does not know the probes at
 * all (the built-in one takes enrolled gateways only); then nothing more can be reached, and nothing more is claimed.
 */
export async function checkBroker(options: {
  url: string
  ca: CertificateAuthority
  timeoutMs: number
}): Promise<BrokerFinding[]> {
  const { url, ca, timeoutMs } = options
  const [one, other] = [randomUUID(), randomUUID()]
  const certificates = { [one]: await probe(ca, one), [other]: await probe(ca, other) }
  const open = async (name: string, by: string): Promise<MqttClient | null> => {
    const { certPem, keyPem } = certificates[by] ?? { certPem: '', keyPem: '' }
    const tls = url.startsWith('mqtts:') ? { cert: certPem, key: keyPem, ca: [ca.certificatePem] } : {}
    const login = { clientId: name, username: name, protocolVersion: 4 as const, clean: true, reconnectPeriod: 0 }
    const client = await connectAsync(url, { ...login, ...tls, connectTimeout: timeoutMs }).catch(() => null)
    client?.on('error', () => undefined)
    return client
  }
  const findings: BrokerFinding[] = []
  const add = (code: BrokerFinding['code'], passed: boolean, [well, badly]: [string, string]) =>
    findings.push({ code, passed, detail: passed ? well : badly })

  const foreign = await open(other, one)
  add('login-foreign', foreign === null, [
    'A certificate is not let in under another name.',
    'A certificate was let in under another gateway’s name: map the common name to user name and client id.',
  ])
  foreign?.end(true)
  const listener = await open(one, one)
  add('login-own', listener !== null, [
    'A certificate of the platform’s CA is let in under its own name.',
    'A certificate of the platform’s CA was not let in under its own name; the topics could not be looked at.',
  ])
  if (!listener) return findings
  try {
    const heard: string[] = []
    listener.on('message', (_topic, payload) => heard.push(payload.toString()))
    await listener.subscribeAsync(downTopic(one), { qos: 1 })
    const mark = randomUUID()
    await say(() => open(other, other), downTopic(one), mark)
    const isHeard = await hears(listener, { until: () => heard.includes(mark), timeoutMs })
    add('publish-foreign', !isHeard, [
      'What another gateway publishes to a down topic is not delivered.',
      'A gateway can write to another gateway’s down topic: its access control list is missing.',
    ])
    const spy = await open(other, other)
    const overheard = spy
      ? await subscribeAndListen(spy, {
          topics: [upTopic(one), downTopic(one)],
          timeoutMs,
          by: listener,
          own: upTopic(one),
        })
      : false
    add('subscribe-foreign', !overheard, [
      'Another gateway’s topics cannot be listened to.',
      'A gateway can listen to another gateway’s topics: its access control list is missing.',
    ])
    spy?.end(true)
  } finally {
    listener.end(true)
  }
  return findings
}

const probe = (ca: CertificateAuthority, commonName: string) => ca.issueClientCertificate({ commonName })

/** Says something in a connection of its own, which the broker may end for it. */
async function say(open: () => Promise<MqttClient | null>, topic: string, text: string): Promise<void> {
  const client = await open()
  if (!client) return
  const ended = new Promise<void>((resolve) => client.once('close', () => resolve()))
  await Promise.race([client.publishAsync(topic, text, { qos: 1 }).catch(() => undefined), ended])
  client.end(true)
}

async function subscribeAndListen(
  spy: MqttClient,
  options: { topics: string[]; timeoutMs: number; by: MqttClient; own: string },
): Promise<boolean> {
  let heard = false
  spy.on('message', () => {
    heard = true
  })
  const ended = new Promise<void>((resolve) => spy.once('close', () => resolve()))
  for (const topic of options.topics) {
    await Promise.race([spy.subscribeAsync(topic, { qos: 1 }).catch(() => undefined), ended])
  }
  await options.by.publishAsync(options.own, 'probe', { qos: 1 }).catch(() => undefined)
  return await hears(options.by, { until: () => heard, timeoutMs: options.timeoutMs })
}

/** Whether it comes about in time; silence can only be waited for. */
async function hears(
  client: MqttClient,
  { until, timeoutMs }: { until: () => boolean; timeoutMs: number },
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs
  while (performance.now() < deadlineMs) {
    if (until()) return true
    if (!client.connected) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return until()
}
