import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findEmbeddedPostgres } from '@ocelli/platform'
import { Pool } from 'pg'

const platformProgram = fileURLToPath(new URL('../apps/platform/src/main.ts', import.meta.url))
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export const clientId = 'bench'
export const clientSecret = 'bench-secret-on-loopback-only'

export interface PlatformProcess {
  /** Another one after `killAndRestart`. */
  readonly pid: number
  url: string
  /** The platform's own database. */
  connectionString: string
  pool: Pool
  /** The first account's technical user. */
  accessToken: string
  /** SIGKILL, without a goodbye; then a new process on the same folder and ports. Resolves when it is ready again. */
  killAndRestart(): Promise<void>
  stop(): Promise<void>
}

/** Settings of a platform under load: a folder of its own, free ports on loopback, no limit of requests. */
export async function benchEnvironment(home: string) {
  return {
    ...process.env,
    DATABASE_URL: '',
    MQTT_URL: '',
    OCELLI_HOME: home,
    OCELLI_HTTP_PORT: String(await freePort()),
    OCELLI_MQTT_PORT: String(await freePort()),
    OCELLI_CLIENT_ID: clientId,
    OCELLI_CLIENT_SECRET: clientSecret,
    OCELLI_ADMIN_EMAIL: 'bench@example.com',
    OCELLI_RATE_LIMIT: '0',
    OCELLI_LOG_LEVEL: process.env.OCELLI_LOG_LEVEL ?? 'error',
  }
}

export const makeHome = (): Promise<string> => mkdtemp(join(tmpdir(), 'ocelli-bench-'))

/** Starts a platform with its embedded database and without a gateway, in a process of its own. */
export async function startPlatformProcess({ nodeOptions = [] as string[] } = {}): Promise<PlatformProcess> {
  const home = await makeHome()
  const environment = { ...(await benchEnvironment(home)), OCELLI_LOCAL_GATEWAY: 'off' }
  const spawnPlatform = () =>
    spawn(process.execPath, [...nodeOptions, platformProgram], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  let child = spawnPlatform()
  const stop = async () => {
    await end(child)
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await untilReady(child)
    const connectionString = await findEmbeddedPostgres({ dataFolder: home, log: silent })
    if (!connectionString) throw new Error('The platform runs without a database of its own.')
    const pool = new Pool({ connectionString, max: 2 })
    const url = `http://127.0.0.1:${environment.OCELLI_HTTP_PORT}`
    const accessToken = await fetchToken(url, {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    })
    return {
      get pid() {
        return child.pid ?? 0
      },
      ...{ url, connectionString, pool, accessToken },
      async killAndRestart() {
        const ended = once(child, 'exit')
        child.kill('SIGKILL')
        await ended
        child = spawnPlatform()
        await untilReady(child)
      },
      async stop() {
        await pool.end()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

export async function fetchToken(url: string, form: Record<string, string>): Promise<string> {
  const answer = await fetch(`${url}/auth/v1/token`, { method: 'POST', body: new URLSearchParams(form) })
  if (!answer.ok) throw new Error(`No access token: ${answer.status} ${await answer.text()}`)
  return ((await answer.json()) as { access_token: string }).access_token
}

/** Resolves when the platform says that it is ready. Rejects when it ends before that. */
export async function untilReady(child: ChildProcess): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('Ocelli is ready')) resolve()
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The platform ended with ${code} before it was ready: ${said}`)))
  })
}

/** SIGTERM, and waits until the program and what it has started hold its output no longer: npm ends before them. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = once(child, 'close')
  child.kill('SIGTERM')
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
