import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createDatedCa,
  type DatedCa,
  openAgedPlatform,
  openTalker,
} from '../../apps/platform/test/external-broker-fixture.ts'
import { cloneDatabase } from '../../apps/platform/test/postgres/test-database.ts'
import { startTestServer } from '../../apps/platform/test/postgres/test-server.ts'
import { chooseMosquittoPorts, findMosquitto, type Mosquitto, startMosquitto } from './mosquitto.ts'

const program = findMosquitto()
if (!program) process.stderr.write('Skipped: certificates at Mosquitto, which is not installed here.\n')

/** What is left of the platform's certificate. */
const leftMs = 4_000
const patience = { timeout: 60_000, interval: 100 }

const serialOf = (pem = '') => new X509Certificate(pem).serialNumber

describe.skipIf(!program)('the platform’s certificate at Mosquitto', () => {
  const undo: (() => Promise<unknown>)[] = []
  let folder: string
  let dated: DatedCa
  let ports: { gateways: number; platforms: number }
  let mosquitto: Mosquitto

  const start = () => startMosquitto({ program: program ?? '', folder, ports })
  const openPlatform = () => openAgedPlatform(dated, { url: mosquitto.platformUrl, leftMs })
  const openGateway = () => openTalker(dated.ca, mosquitto.gatewayUrl)
  const untilAfter = (endsAtMs: number) =>
    vi.waitFor(() => expect(Date.now()).toBeGreaterThan(endsAtMs + 1000), patience)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocelli-certificate-'))
    undo.push(() => rm(folder, { recursive: true, force: true }))
    const server = await startTestServer({})
    undo.push(() => server.stop())
    dated = await createDatedCa((await cloneDatabase(server)).connectionString)
    const { certPem, keyPem } = await dated.ca.issueServerCertificate({ names: ['127.0.0.1'] })
    await writeFile(join(folder, 'ca.pem'), dated.ca.certificatePem)
    await writeFile(join(folder, 'broker.pem'), certPem)
    await writeFile(join(folder, 'broker.key'), keyPem, { mode: 0o600 })
    ports = await chooseMosquittoPorts()
    mosquitto = await start()
    undo.push(() => mosquitto.stop())
  }, 120_000)
  afterAll(async () => {
    for (const step of undo.reverse()) await step()
  })

  test('is changed at work, without a message lost', async () => {
    const { broker, heard, said, endsAtMs } = await openPlatform()
    const say = await openGateway()
    const sent: string[] = []
    const talking = new AbortController()
    const talk = (async () => {
      while (!talking.signal.aborted) {
        const text = `message ${sent.length}`
        sent.push(text)
        await say(text)
      }
    })()
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(50), patience)
    const before = broker.certificates()
    const shownByBroker = await readFile(join(folder, 'broker.pem'), 'utf8')
    expect(serialOf(before['mqtt-broker'])).toBe(serialOf(shownByBroker))
    const shownToBroker = new X509Certificate(before['mqtt-client'] ?? '')
    expect(shownToBroker.validToDate.getTime()).toBeLessThanOrEqual(endsAtMs)
    await broker.renewCertificate()
    expect(broker.certificates()['mqtt-client']).not.toBe(before['mqtt-client'])
    const atChange = sent.length
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(atChange + 50), patience)
    talking.abort()
    await talk

    await vi.waitFor(() => expect(new Set(heard)).toEqual(new Set(sent)), patience)
    expect(said).toEqual(['the MQTT broker is shown a new certificate'])
    await broker.renewCertificate()
    expect(said).toHaveLength(1)
  })

  test('lets it come back when the broker starts again after the end of the first one', async () => {
    const { broker, heard, endsAtMs } = await openPlatform()
    await broker.renewCertificate()
    await untilAfter(endsAtMs)
    await mosquitto.stop()
    mosquitto = await start()
    const say = await openGateway()
    await vi.waitFor(async () => {
      await say('still there')
      expect(heard).toContain('still there')
    }, patience)
  })

  test('is new also for a connection that is away when its time has come', async () => {
    const { broker, heard, said, endsAtMs } = await openPlatform()
    await mosquitto.stop()
    await vi.waitFor(() => expect(said).toContain('connecting to the MQTT broker again'), patience)
    await untilAfter(endsAtMs)
    await broker.renewCertificate()
    mosquitto = await start()
    const say = await openGateway()
    await vi.waitFor(async () => {
      await say('back again')
      expect(heard).toContain('back again')
    }, patience)
  })
})
