import { randomUUID } from 'node:crypto'
import { channelRoot, downTopic, upTopic } from '@ocelli/contract'
import type { MqttClient } from 'mqtt'
import { platformCommonName } from '../../platform/broker/external-broker.ts'
import type { CertificateAuthority } from '../../platform/ca/certificate-authority.ts'
import { createProbes, type Probes } from './broker-probes.ts'

export interface BrokerFinding {
  code:
    | 'login-own'
    | 'platform-topics'
    | 'shared-subscription'
    | 'login-foreign'
    | 'publish-foreign'
    | 'subscribe-foreign'
  passed: boolean
  /** One sentence for a person. */
  detail: string
}

export interface BrokerCheckOptions {
  /** Where the platform's processes connect. */
  url: string
  /** Where gateways connect; the same by default. */
  gatewayUrl?: string
  ca: CertificateAuthority
  /** How long is waited for what must not come: silence can only be waited for. */
  timeoutMs: number
}

const sentences: Record<BrokerFinding['code'], [well: string, badly: string]> = {
  'login-own': [
    'A certificate of the platform’s CA is let in under its own name.',
    'A certificate of the platform’s CA was not let in under its own name; nothing more could be looked at.',
  ],
  'platform-topics': [
    `The platform’s certificate (${platformCommonName}) reaches the topics of gateways.`,
    `The platform’s certificate (${platformCommonName}) does not reach the topics of gateways; nothing more could be looked at.`,
  ],
  'shared-subscription': [
    'A message for several platform processes goes to one of them.',
    'Of two platform processes not exactly one got each message: the broker does not serve shared subscriptions ($share).',
  ],
  'login-foreign': [
    'A certificate cannot take another gateway’s name.',
    'A certificate took another gateway’s name: map the common name to user name and client id.',
  ],
  'publish-foreign': [
    'What a gateway publishes to another gateway’s topics is not delivered.',
    'A gateway can write to another gateway’s topics: its access control list is missing.',
  ],
  'subscribe-foreign': [
    'Another gateway’s topics cannot be listened to.',
    'A gateway can listen to another gateway’s topics: its access control list is missing.',
  ],
}

/**
 * Proves by probe certificates of our CA that a broker lets nobody out of its own topics, and serves the platform: a
 * refused publish is silent in MQTT 3.1.1, so it is looked at from the other side. Where the probes are not let in at
 * all (the built-in broker takes enrolled gateways only), nothing more is claimed.
 */
export async function checkBroker({
  url,
  gatewayUrl = url,
  ca,
  timeoutMs,
}: BrokerCheckOptions): Promise<BrokerFinding[]> {
  const findings: BrokerFinding[] = []
  const add = (code: BrokerFinding['code'], passed: boolean) => {
    findings.push({ code, passed, detail: sentences[code][passed ? 0 : 1] })
    return passed
  }
  const probes = createProbes({ ca, timeoutMs })
  try {
    const [one, other] = [randomUUID(), randomUUID()]
    const gateway = await probes.open(gatewayUrl, { commonName: one, clientId: one })
    if (!add('login-own', gateway !== null) || !gateway) return findings
    const platform = await probes.open(url, { commonName: platformCommonName })
    const reached = platform && (await reachesTopics(probes, { platform, gateway, name: one }))
    if (!add('platform-topics', reached === true) || !platform) return findings
    const second = await probes.open(url, { commonName: platformCommonName })
    add(
      'shared-subscription',
      second !== null && (await isShared(probes, { gateway, name: one, both: [platform, second] })),
    )
    const sides = { probes, platform, gateway, one, other, gatewayUrl }
    add('publish-foreign', !(await canWriteToOther(sides)))
    add('subscribe-foreign', !(await canListenToOther(sides)))
    // Last: where it succeeds, it may end the connection of the one whose name was taken.
    add('login-foreign', !(await canTakeName(sides)))
    return findings
  } finally {
    probes.close()
  }
}

interface Sides {
  probes: Probes
  platform: MqttClient
  gateway: MqttClient
  one: string
  other: string
  gatewayUrl: string
}

async function reachesTopics(
  probes: Probes,
  { platform, gateway, name }: { platform: MqttClient; gateway: MqttClient; name: string },
): Promise<boolean> {
  await probes.subscribe(gateway, downTopic(name))
  await probes.subscribe(platform, upTopic(name))
  const mark = randomUUID()
  await probes.publish(platform, downTopic(name), mark)
  await probes.publish(gateway, upTopic(name), mark)
  return await probes.until(() => probes.heard(gateway).includes(mark) && probes.heard(platform).includes(mark))
}

/** In a group of its own, so that no message is taken away from platforms at work. */
async function isShared(
  probes: Probes,
  { gateway, name, both }: { gateway: MqttClient; name: string; both: [MqttClient, MqttClient] },
): Promise<boolean> {
  await both[0].unsubscribeAsync(upTopic(name))
  for (const platform of both) await probes.subscribe(platform, `$share/check-${name}/${upTopic(name)}`)
  const marks: string[] = Array.from({ length: 4 }, () => randomUUID())
  for (const mark of marks) await probes.publish(gateway, upTopic(name), mark)
  const count = () => both.flatMap((platform) => probes.heard(platform)).filter((text) => marks.includes(text)).length
  // Doubled ones would come right behind: they are waited for too.
  await probes.until(() => count() > marks.length)
  for (const platform of both) await platform.unsubscribeAsync(`$share/check-${name}/${upTopic(name)}`)
  return count() === marks.length
}

async function canWriteToOther({ probes, platform, gateway, one, other, gatewayUrl }: Sides): Promise<boolean> {
  await probes.subscribe(platform, upTopic(one))
  const mark = randomUUID()
  for (const topic of [upTopic(one), downTopic(one)]) {
    // A connection for each: the broker may end it for the first.
    const writer = await probes.open(gatewayUrl, { commonName: other, clientId: other })
    if (writer) await probes.publish(writer, topic, mark)
    writer?.end(true)
  }
  return await probes.until(() => [platform, gateway].some((side) => probes.heard(side).includes(mark)))
}

async function canListenToOther({ probes, platform, gateway, one, other, gatewayUrl }: Sides): Promise<boolean> {
  const mark = randomUUID()
  const topics = [upTopic(one), downTopic(one), `${channelRoot}/+/up`, `${channelRoot}/+/down`, '#']
  const spies: MqttClient[] = []
  for (const [at, topic] of topics.entries()) {
    // Each by a gateway of its own: the broker may end a connection for its subscription, and one ends its namesake's.
    const name: string = at === 0 ? other : randomUUID()
    const spy = await probes.open(gatewayUrl, { commonName: name, clientId: name })
    if (!spy) continue
    await probes.subscribe(spy, topic)
    spies.push(spy)
  }
  await probes.publish(gateway, upTopic(one), mark)
  await probes.publish(platform, downTopic(one), mark)
  return await probes.until(() => spies.some((spy) => probes.heard(spy).includes(mark)))
}

/** Refused, or let in under its own name only: in both cases the namesake is neither heard for nor ended. */
async function canTakeName({ probes, platform, gateway, one, other, gatewayUrl }: Sides): Promise<boolean> {
  const intruder = await probes.open(gatewayUrl, { commonName: other, clientId: one })
  if (intruder) await probes.subscribe(intruder, downTopic(one))
  const mark = randomUUID()
  await probes.publish(platform, downTopic(one), mark)
  return await probes.until(() => !gateway.connected || (intruder !== null && probes.heard(intruder).includes(mark)))
}
