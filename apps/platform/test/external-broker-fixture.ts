import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { upTopic } from '@ocelli/contract'
import { connectAsync } from 'mqtt'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { createExternalBroker } from '../src/platform/broker/external-broker.ts'
import { type CertificateAuthority, createCertificateAuthority } from '../src/platform/ca/certificate-authority.ts'
import { openDatabase } from '../src/platform/database/database.ts'
import { createVault } from '../src/platform/keys/master-key.ts'

const dayMs = 86_400_000
const certificateLifeMs = 30 * dayMs
const handledInMs = 5

/** A CA whose clock can be set, made long ago by it. */
export async function createDatedCa(connectionString: string) {
  const clock = { offsetMs: -60 * dayMs }
  const nowMs = () => Date.now() + clock.offsetMs
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => undefined })
  const ca = await createCertificateAuthority(db, createVault(randomBytes(32)), nowMs)
  await close()
  clock.offsetMs = 0
  return { ca, clock, nowMs }
}

export type DatedCa = Awaited<ReturnType<typeof createDatedCa>>

/** A platform at a broker whose certificate ends after `leftMs`; what it hears, and what it logs. */
export async function openAgedPlatform(
  { ca, clock, nowMs }: DatedCa,
  { url, leftMs }: { url: string; leftMs: number },
) {
  const heard: string[] = []
  const said: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(String(JSON.parse(line).msg)) })
  const broker = createExternalBroker({
    ...{ url, ca, log, nowMs, patienceMs: 10_000, signal: new AbortController().signal },
  })
  broker.onMessage(async (_gatewayId, payload) => {
    await pause(handledInMs)
    heard.push(Buffer.from(payload).toString())
  })
  clock.offsetMs = leftMs - certificateLifeMs
  await broker.listen()
  const endsAtMs = Date.now() + leftMs
  clock.offsetMs = 0
  onTestFinished(() => broker.close())
  return { broker, heard, said, endsAtMs }
}

/** A gateway that says what it is given, and connects again when it has to. */
export async function openTalker(ca: CertificateAuthority, url: string): Promise<(text: string) => Promise<unknown>> {
  const gatewayId: string = randomUUID()
  const { certPem, keyPem } = await ca.issueClientCertificate({ commonName: gatewayId })
  const client = await connectAsync(url, {
    ...{ clientId: gatewayId, username: gatewayId, protocolVersion: 4, clean: true, reconnectPeriod: 100 },
    ...{ cert: certPem, key: keyPem, ca: [ca.certificatePem] },
  })
  client.on('error', () => undefined)
  onTestFinished(() => void client.end(true))
  return (text) => client.publishAsync(upTopic(gatewayId), text, { qos: 1 })
}
