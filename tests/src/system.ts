import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type CameraOptions, createCamera, type SimulatedCamera } from '@ocelli/camera-sim'
import type { Connectivity, Installation } from '@ocelli/contract'
import type { PublicLicenseKey } from '@ocelli/license'
import { type Answer, type ApiClient, createApiClient } from './api-client.ts'
import { end, freePort, runGatewayCommand, startPlatformProcess } from './processes.ts'

export type { Answer } from './api-client.ts'

export interface System extends ApiClient {
  url: string
  home: string
  clientId: string
  clientSecret: string
  upload(packageFile: string): Promise<Answer>
  /** Starts a simulated camera that trusts this platform, without claiming it. */
  camera(deviceId: string, options?: Partial<CameraOptions>): Promise<SimulatedCamera>
  /** Claims a camera by the gateway's own command. Gives what the command printed. */
  claim(camera: Pick<SimulatedCamera, 'port'>, password?: string): Promise<string>
  installation(appId: string, deviceId: string): Promise<Installation>
  /** Polls until nothing more happens by itself, or `until` says so. */
  settled(
    appId: string,
    deviceId: string,
    options?: { timeoutMs?: number; until?: (now: Installation) => boolean },
  ): Promise<Installation>
  /** The platform's process; a restart makes another. */
  platform(): ChildProcess
  /** SIGKILL, without a goodbye. */
  killPlatform(): Promise<void>
  killGateway(): Promise<void>
  /** Starts the platform again on the same folder and ports. */
  restart(): Promise<void>
  /** Platform, database, gateway and whatever they started: those alive now. */
  processes(): Promise<number[]>
  /** SIGTERM, and waits until the platform has ended. */
  stop(): Promise<void>
  close(): Promise<void>
}

export const cameraPassword = 'demo-password'

/** A whole platform with its built-in gateway, in processes of its own, on a folder of its own. The gateway looks at each camera every `probeSeconds`. */
export async function startSystem({ probeSeconds = 60 } = {}): Promise<System> {
  const home = await mkdtemp(join(tmpdir(), 'ocelli-system-'))
  const [httpPort, mqttPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${httpPort}`
  const clientId = 'system'
  const clientSecret = randomBytes(24).toString('base64url')
  const environment = {
    ...process.env,
    OCELLI_HOME: home,
    OCELLI_HTTP_PORT: String(httpPort),
    OCELLI_MQTT_PORT: String(mqttPort),
    OCELLI_CLIENT_ID: clientId,
    OCELLI_CLIENT_SECRET: clientSecret,
    OCELLI_ADMIN_EMAIL: 'admin@example.com',
    OCELLI_RATE_LIMIT: '1000',
    OCELLI_LOG_LEVEL: process.env.OCELLI_LOG_LEVEL ?? 'warn',
    // Tests ask nobody on the networks of the machine that they run on.
    OCELLI_DISCOVERY: 'off',
    OCELLI_PROBE_SECONDS: String(probeSeconds),
  }
  const cameras: SimulatedCamera[] = []
  let platform = await startPlatformProcess(environment)
  const { call, download } = createApiClient({ url, clientId, clientSecret })
  const installation = async (appId: string, deviceId: string): Promise<Installation> => {
    const path = `/software/v1/apps/${appId}/devices/${encodeURIComponent(deviceId)}`
    return (await call<Installation>('GET', path)).body
  }
  const stopPlatform = (signal: NodeJS.Signals) => end(platform, signal)
  return {
    url,
    home,
    clientId,
    clientSecret,
    call,
    upload: async (file) =>
      call('POST', '/store/v1/packages', new Uint8Array(await readFile(file)), {
        'content-type': 'application/vnd.android.package-archive',
      }),
    download,
    async camera(deviceId, options = {}) {
      const { keys } = (await call<{ keys: PublicLicenseKey[] }>('GET', '/.well-known/jwks.json')).body
      const camera = await createCamera({ deviceId, user: 'admin', password: cameraPassword, trust: keys, ...options })
      cameras.push(camera)
      return camera
    },
    claim: (camera, password = cameraPassword) =>
      runGatewayCommand(
        [
          'camera',
          'add',
          '--home',
          join(home, 'gateway'),
          '--address',
          `http://127.0.0.1:${camera.port}`,
          '--user',
          'admin',
        ],
        {
          ...environment,
          OCELLI_CAMERA_PASSWORD: password,
        },
      ),
    installation,
    async settled(appId, deviceId, { timeoutMs = 60_000, until = (now: Installation) => now.settled } = {}) {
      const deadlineMs = Date.now() + timeoutMs
      for (;;) {
        const now = await installation(appId, deviceId)
        if (until(now)) return now
        if (Date.now() > deadlineMs) throw new Error(`Not there in ${timeoutMs} ms: ${JSON.stringify(now)}`)
        await pause(100)
      }
    },
    platform: () => platform,
    killPlatform: () => stopPlatform('SIGKILL'),
    async killGateway() {
      const pid = await gatewayPid(join(home, 'gateway'))
      if (pid) process.kill(pid, 'SIGKILL')
    },
    async restart() {
      platform = await startPlatformProcess(environment)
    },
    processes: () => processesOf(home),
    stop: () => stopPlatform('SIGTERM'),
    async close() {
      await stopPlatform('SIGTERM')
      // After a kill without a restart the database runs on, in order to be adopted.
      for (const pid of await processesOf(home)) process.kill(pid, 'SIGKILL')
      await Promise.all(cameras.map((camera) => camera.close()))
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Polls until the claimed device answers through its gateway. */
export const untilOnline = (system: System, deviceId: string): Promise<void> =>
  untilConnectivity(system, deviceId, 'ONLINE')

export async function untilConnectivity(
  system: System,
  deviceId: string,
  connectivity: Connectivity,
  timeoutMs = 30_000,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const { body } = await system.call('GET', `/device/v1/devices/${encodeURIComponent(deviceId)}`)
    if (body.connectivity === connectivity) return
    if (Date.now() > deadlineMs) throw new Error(`${deviceId} is not ${connectivity}: ${JSON.stringify(body)}`)
    await pause(100)
  }
}

/** Buys units as the publisher's own account does: place, confirm. Gives the order's id. */
export async function buy(system: System, appId: string, quantity: number, licenseType = 'FULL'): Promise<string> {
  const { body } = await system.call<{ orderId: string }>('POST', '/store/v1/orders', { appId, licenseType, quantity })
  const confirmed = await system.call('POST', `/store/v1/orders/${body.orderId}/confirm`)
  if (confirmed.status !== 200) throw new Error(`The order was not confirmed: ${JSON.stringify(confirmed)}`)
  return body.orderId
}

/** The process that runs the gateway on this folder, by its command line. */
async function gatewayPid(folder: string): Promise<number | null> {
  const child = spawn('pgrep', ['-f', `gateway/src/main.ts run .*--home ${folder}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  return Number(said.trim().split('\n')[0]) || null
}

/** All processes that name this folder in their command line, and their children. */
async function processesOf(folder: string): Promise<number[]> {
  const child = spawn('ps', ['-A', '-o', 'pid=,ppid=,args='], { stdio: ['ignore', 'pipe', 'ignore'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  const all = said.split('\n').flatMap((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return pid ? [{ pid: Number(pid), parent: Number(parent), args }] : []
  })
  const found = new Set(all.filter(({ args }) => args.includes(folder)).map(({ pid }) => pid))
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid)
  }
  return [...found]
}
