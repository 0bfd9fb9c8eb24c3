import { setTimeout as pause } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import type { CertificateAuthority } from '../../platform/ca/certificate-authority.ts'

/** Connections that are opened to see what a broker lets them do. What it refuses is no error: it is what is looked for. */
export interface Probes {
  /** Null where it is not let in. Without a client id a random one; the user name is the client id, as gateways say it. */
  open(url: string, as: { commonName: string; clientId?: string }): Promise<MqttClient | null>
  /** Resolves when the broker has answered, or has ended the connection for it. */
  subscribe(client: MqttClient, topic: string): Promise<void>
  publish(client: MqttClient, topic: string, text: string): Promise<void>
  /** All that came to it. */
  heard(client: MqttClient): string[]
  /** Whether it comes about in time. */
  until(isSo: () => boolean): Promise<boolean>
  close(): void
}

const lookEveryMs = 20

export function createProbes({ ca, timeoutMs }: { ca: CertificateAuthority; timeoutMs: number }): Probes {
  const texts = new Map<MqttClient, string[]>()
  const certificates = new Map<string, ReturnType<typeof ca.issueClientCertificate>>()
  const certificateOf = (commonName: string) => {
    const issued = certificates.get(commonName) ?? ca.issueClientCertificate({ commonName })
    certificates.set(commonName, issued)
    return issued
  }

  return {
    async open(url, { commonName, clientId }) {
      const { certPem, keyPem } = await certificateOf(commonName)
      const tls = url.startsWith('mqtts:') ? { cert: certPem, key: keyPem, ca: [ca.certificatePem] } : {}
      const name = clientId === undefined ? {} : { clientId, username: clientId }
      const login = { ...name, protocolVersion: 4 as const, clean: true, reconnectPeriod: 0, connectTimeout: timeoutMs }
      const client = await connectAsync(url, { ...login, ...tls }).catch(() => null)
      if (!client) return null
      const heard: string[] = []
      texts.set(client, heard)
      client.on('error', () => undefined)
      client.on('message', (_topic, payload) => heard.push(payload.toString()))
      return client
    },
    subscribe: (client, topic) => answered(client, () => client.subscribeAsync(topic, { qos: 1 })),
    publish: (client, topic, text) => answered(client, () => client.publishAsync(topic, text, { qos: 1 })),
    heard: (client) => texts.get(client) ?? [],
    async until(isSo) {
      const deadlineMs = performance.now() + timeoutMs
      while (!isSo()) {
        if (performance.now() >= deadlineMs) return false
        await pause(lookEveryMs)
      }
      return true
    },
    close() {
      for (const client of texts.keys()) client.end(true)
    },
  }
}

/** A refusal comes as an answer, as an error, or as the end of the connection. */
async function answered(client: MqttClient, ask: () => Promise<unknown>): Promise<void> {
  if (!client.connected) return
  const ended = new AbortController()
  const closed = new Promise<void>((resolve) => {
    client.once('close', resolve)
    ended.signal.addEventListener('abort', () => client.off('close', resolve))
  })
  await Promise.race([ask().catch(() => undefined), closed])
  ended.abort()
}
