import { type ChildProcess, fork } from 'node:child_process'
import type { Logger } from 'pino'

export interface LocalGatewayOptions {
  /** The gateway program's file. Apps never import apps: the built-in gateway is a process of its own. */
  program: string
  platformUrl: string
  home: string
  enrollmentToken: string
  environment: Record<string, string | undefined>
  log: Logger
}

export interface LocalGateway {
  stop(): Promise<void>
}

const restartAfterMs = 5000
const soon = `in ${restartAfterMs / 1000} s`

/** What the platform alone has to know. The gateway talks with cameras, and a camera may be anybody's. */
const ownSecrets =
  /^(?:DATABASE_URL|MQTT_URL|BLOB_URL|OCELLI_MASTER_KEY|OCELLI_ADMIN_\w+|OCELLI_CLIENT_\w+|PG\w+|AWS_\w+)$/

const withoutSecrets = (environment: LocalGatewayOptions['environment']) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !ownSecrets.test(name)))

/**
 * Runs the gateway of the platform's own site beside the platform, and stops it with the platform.
 *
 * | what happens | what is done |
 * | --- | --- |
 * | it ends, or the system cannot start it (no memory, no process left) | it is started after 5 s |
 * | the platform stops | it is told to stop, and killed after 8 s |
 */
export function startLocalGateway(options: LocalGatewayOptions): LocalGateway {
  const { log } = options
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | null = null
  let isStopping = false

  const again = () => {
    child = null
    // Node leaves it open whether an end is told as well after an error
    if (timer) clearTimeout(timer)
    if (!isStopping) timer = setTimeout(start, restartAfterMs)
  }
  const start = () => {
    try {
      child = spawnGateway(options)
    } catch (err) {
      // some refusals of the system are thrown, others come as an event
      log.error({ err }, `the built-in gateway could not be started; it is tried again ${soon}`)
      return again()
    }
    const { pid } = child
    child.stderr?.on('data', (chunk: Buffer) => log.debug({ part: 'local-gateway' }, chunk.toString().trimEnd()))
    child.once('exit', (code, signal) => {
      if (!isStopping) log.warn({ code, signal }, `the built-in gateway ended; it is started again ${soon}`)
      again()
    })
    child.on('error', (err) => {
      if (pid !== undefined) return log.error({ err }, 'the built-in gateway could not be told something')
      log.error({ err }, `the built-in gateway could not be started; it is tried again ${soon}`)
      again()
    })
  }
  start()
  return {
    async stop() {
      isStopping = true
      if (timer) clearTimeout(timer)
      const running = child
      if (!running || running.exitCode !== null) return
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => running.kill('SIGKILL'), 8000)
        running.once('exit', () => {
          clearTimeout(force)
          resolve()
        })
        // closing the channel is the gateway's sign to stop, on Windows too
        running.disconnect()
      })
    },
  }
}

function spawnGateway({ program, platformUrl, home, environment, enrollmentToken }: LocalGatewayOptions): ChildProcess {
  return fork(program, ['run', '--enroll-if-needed', '--platform', platformUrl, '--home', home], {
    env: { ...withoutSecrets(environment), OCELLI_ENROLLMENT_TOKEN: enrollmentToken },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // a Ctrl-C in the terminal reaches the platform, which stops the gateway in order
    detached: process.platform !== 'win32',
  })
}
