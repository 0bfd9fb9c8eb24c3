import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CameraOptions, createCamera, type SimulatedCamera } from '@ocelli/camera-sim'
import type { Connectivity, Installation } from '@ocelli/contract'
import type { PublicLicenseKey } from '@ocelli/license'

const platformProgram = fileURLToPath(new URL('../../apps/platform/src/main.ts', import.meta.url))
const gatewayProgram = fileURLToPath(new URL('../../apps/gateway/src/main.ts', import.meta.url))

export interface Answer<Body = Record<string, unknown>> {
  status: number
  body: Body
}

export interface System {
  url: string
  home: string
  clientId: string
  clientSecret: string
  /** Calls the API as the first account's technical user. */
  call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  upload(packageFile: string): Promise<Answer>
  /** What GET gives, as text. Throws when it is refused. */
  download(path: string): Promise<string>
  /** Starts a simulated camera that trusts this platform, without claiming it. */
  camera(deviceId: string, options?: Partial<CameraOptions>): Promise<SimulatedCamera>
  /** Claims a camera by the gateway's own command. Gives what the command printed. */
  claim(camera: SimulatedCamera): Promise<string>
  installation(appId: string, deviceId: string): Promise<Installation>
  /** Polls until nothing more happens by itself, or `until` says so. */
  settled(
    appId: string,
    deviceId: string,
    options?: { timeoutMs?: number; until?: (now: Installation) => boolean },
  ): Promise<Installation>
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

/** A whole platform with its built-in gateway, in processes of its own, on a folder of its own. */
export async function startSystem(): Promise<System> {
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
  }
  const cameras: SimulatedCamera[] = []
  let platform = await startPlatformProcess(environment)
  let token: { value: string; untilMs: number } | null = null

  const accessToken = async (): Promise<string> => {
    if (token && token.untilMs > Date.now()) return token.value
    const answer = await fetch(`${url}/auth/v1/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
    })
    const body = (await answer.json()) as { access_token: string }
    token = { value: body.access_token, untilMs: Date.now() + 300_000 }
    return token.value
  }
  const call: System['call'] = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await accessToken()}`,
        ...(body === undefined || body instanceof Uint8Array ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body:
        body === undefined
          ? undefined
          : body instanceof Uint8Array
            ? (body as Uint8Array<ArrayBuffer>)
            : JSON.stringify(body),
    })
    const text = await answer.text()
    return { status: answer.status, body: (text ? JSON.parse(text) : null) as never }
  }
  const installation = async (appId: string, deviceId: string): Promise<Installation> => {
    const path = `/software/v1/apps/${appId}/devices/${encodeURIComponent(deviceId)}`
    return (await call<Installation>('GET', path)).body
  }
  const stopPlatform = async (signal: NodeJS.Signals) => {
    if (platform.exitCode !== null || platform.signalCode !== null) return
    platform.kill(signal)
    await once(platform, 'exit')
  }
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
    async download(path) {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${await accessToken()}` } })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${text}`)
      return text
    },
    async camera(deviceId, options = {}) {
      const { keys } = (await call<{ keys: PublicLicenseKey[] }>('GET', '/.well-known/jwks.json')).body
      const camera = await createCamera({ deviceId, user: 'admin', password: cameraPassword, trust: keys, ...options })
      cameras.push(camera)
      return camera
    },
    claim: (camera) =>
      onceEnrolled(
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
          OCELLI_CAMERA_PASSWORD: cameraPassword,
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

async function startPlatformProcess(environment: Record<string, string | undefined>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [platformProgram], {
    env: environment as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('Ocelli is ready')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`The platform ended with ${code} before it was ready: ${said}`)))
  })
  return child
}

/** The platform is ready a moment before its gateway has enrolled; an operator types slower than a test. */
async function onceEnrolled(...[parts, environment]: Parameters<typeof runGatewayCommand>): Promise<string> {
  const deadlineMs = Date.now() + 30_000
  for (;;) {
    try {
      return await runGatewayCommand(parts, environment)
    } catch (error) {
      if (!String(error).includes('is not enrolled') || Date.now() > deadlineMs) throw error
    }
  }
}

async function runGatewayCommand(parts: string[], environment: Record<string, string | undefined>): Promise<string> {
  const child = spawn(process.execPath, [gatewayProgram, ...parts], {
    env: environment as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`ocelli-gateway ${parts.join(' ')} ended with ${code}: ${said}`)
  return said.trim()
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

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
