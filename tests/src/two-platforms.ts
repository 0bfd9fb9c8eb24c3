import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { PublicLicenseKey } from '@ocelli/license'
import { cloneDatabase } from '../../apps/platform/test/postgres/test-database.ts'
import { startTestServer } from '../../apps/platform/test/postgres/test-server.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import { chooseMosquittoPorts, startMosquitto } from './mosquitto.ts'
import { type Environment, end, freePort, runPlatformCommand, startPlatformProcess } from './processes.ts'

export interface Node extends ApiClient {
  port: number
  environment: Environment
  process: ChildProcess
}

/** Two platform processes on one PostgreSQL behind one Mosquitto, as an operator would run them. */
export interface TwoPlatforms {
  nodes: [Node, Node]
  folder: string
  brokerFolder: string
  /** What both have in common; with it `ocelli-platform` commands work on them. */
  shared: Environment
  licenseKeys: PublicLicenseKey[]
  /** Called at the end, the last one first. */
  undo: (() => Promise<unknown>)[]
  /** Publishes a package and buys units of it. */
  offer(app: { appId: string; file: string; units: number }): Promise<void>
  close(): Promise<void>
}

/** `mosquitto` is the broker's program. */
export async function startTwoPlatforms(mosquitto: string): Promise<TwoPlatforms> {
  const undo: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return await start(mosquitto, { undo, close })
  } catch (error) {
    await close()
    throw error
  }
}

async function start(mosquitto: string, { undo, close }: Pick<TwoPlatforms, 'undo' | 'close'>): Promise<TwoPlatforms> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-two-'))
  undo.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const server = await startTestServer({ settings: { fsync: 'on' } })
  undo.push(() => server.stop())
  const ports = await chooseMosquittoPorts()
  const brokerFolder = join(folder, 'broker')
  await mkdir(brokerFolder)
  const login = { clientId: 'two', clientSecret: randomBytes(24).toString('base64url') }
  const shared: Environment = {
    ...process.env,
    DATABASE_URL: (await cloneDatabase(server)).connectionString,
    BLOB_URL: `file://${join(folder, 'blobs')}`,
    OCELLI_MASTER_KEY: randomBytes(32).toString('base64'),
    OCELLI_HOME: join(folder, 'home'),
    OCELLI_LOCAL_GATEWAY: 'off',
    OCELLI_MQTT_PUBLIC_URL: `mqtts://127.0.0.1:${ports.gateways}`,
    OCELLI_CLIENT_ID: login.clientId,
    OCELLI_CLIENT_SECRET: login.clientSecret,
    OCELLI_RATE_LIMIT: '1000',
    // Lost connections are what this is about.
    OCELLI_LOG_LEVEL: process.env.OCELLI_LOG_LEVEL ?? 'error',
  }
  const certified = await runPlatformCommand(
    ['broker', 'certificate', '--name', '127.0.0.1', '--out', brokerFolder],
    shared,
  )
  if (certified.code !== 0) throw new Error(`The broker got no certificate: ${certified.said}`)
  const broker = await startMosquitto({ program: mosquitto, folder: brokerFolder, ports })
  undo.push(() => broker.stop())
  shared.MQTT_URL = broker.platformUrl

  async function startNode(home: string): Promise<Node> {
    const port = await freePort()
    const environment = { ...shared, OCELLI_HOME: home, OCELLI_HTTP_PORT: String(port) }
    const client = createApiClient({ url: `http://127.0.0.1:${port}`, ...login })
    const node = { ...client, port, environment, process: await startPlatformProcess(environment) }
    // a test may have put another process in its place
    undo.push(() => end(node.process, 'SIGTERM'))
    return node
  }
  const nodes: [Node, Node] = [await startNode(join(folder, 'a')), await startNode(join(folder, 'b'))]
  const [first] = nodes
  const { keys: licenseKeys } = (await first.call<{ keys: PublicLicenseKey[] }>('GET', '/.well-known/jwks.json')).body

  return {
    ...{ nodes, folder, brokerFolder, shared, licenseKeys, undo, close },
    async offer({ appId, file, units }) {
      const type = { 'content-type': 'application/vnd.android.package-archive' }
      const uploaded = await first.call('POST', '/store/v1/packages', new Uint8Array(await readFile(file)), type)
      if (uploaded.status !== 201) throw new Error(`Not published: ${JSON.stringify(uploaded)}`)
      const { body } = await first.call('POST', '/store/v1/orders', { appId, licenseType: 'FULL', quantity: units })
      const confirmed = await first.call('POST', `/store/v1/orders/${body.orderId}/confirm`)
      if (confirmed.status !== 200) throw new Error(`Not confirmed: ${JSON.stringify(confirmed)}`)
    },
  }
}

/** Looks until there is something, for a minute and a half at most: these machines may be busy. */
export async function poll<T>(what: string, look: () => Promise<T | null>, withinMs = 90_000): Promise<T> {
  for (const deadlineMs = Date.now() + withinMs; ; await pause(100)) {
    const found = await look()
    if (found !== null) return found
    if (Date.now() > deadlineMs) throw new Error(`It did not come about: ${what}`)
  }
}
