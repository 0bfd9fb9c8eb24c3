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

/** What the platform alone has to know. The gateway talks with cameras, and a camera may be anybody's. */
const ownSecrets =
  /^(?:DATABASE_URL|MQTT_URL|BLOB_URL|OCELLI_MASTER_KEY|OCELLI_ADMIN_\w+|OCELLI_CLIENT_\w+|PG\w+|AWS_\w+)$/

const withoutSecrets = (environment: LocalGatewayOptions['environment']) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !ownSecrets.test(name)))

/** Runs the gateway of the site `Local` beside the platform, starts it again when it ends, and stops it with the platform. */
export function startLocalGateway(options: LocalGatewayOptions): LocalGateway {
  const { log } = options
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | null = null
  let isStopping = false

  const start = () => {
    child = fork(
      options.program,
      ['run', '--enroll-if-needed', '--platform', options.platformUrl, '--home', options.home],
      {
        env: { ...withoutSecrets(options.environment), OCELLI_ENROLLMENT_TOKEN: options.enrollmentToken },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        // a Ctrl-C in the terminal reaches the platform, which stops the gateway in order
        detached: process.platform !== 'win32',
      },
    )
    child.stderr?.on('data', (chunk: Buffer) => log.debug({ part: 'local-gateway' }, chunk.toString().trimEnd()))
    child.once('exit', (code, signal) => {
      child = null
      if (isStopping) return
      log.warn({ code, signal }, `the built-in gateway ended; it is started again in ${restartAfterMs / 1000} s`)
      timer = setTimeout(start, restartAfterMs)
    })
    child.once('error', (err) => log.error({ err }, 'the built-in gateway could not be started'))
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
