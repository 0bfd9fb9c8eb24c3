import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import type { FirstAccount } from './features/accounts/first-account.ts'
import { prepareLocalSite } from './local-site.ts'
import { InstanceLockError } from './platform/broker/instance-lock.ts'
import { type Config, ConfigError, readConfig, servesHttps } from './platform/config.ts'
import { DataFolderError, prepareDataFolder, resolveDataFolder, thisMachine } from './platform/data-folder.ts'
import { NewerSchemaError } from './platform/database/migrate.ts'
import { EmbeddedPostgresError } from './platform/embedded-postgres/embedded-postgres-error.ts'
import { type LocalGateway, startLocalGateway } from './platform/local-gateway.ts'
import { PartUnavailableError } from './platform/start-failure.ts'
import { type Platform, startPlatform } from './platform.ts'

const gatewayProgram = fileURLToPath(new URL('../../gateway/src/main.ts', import.meta.url))

/** Runs the platform in this process until a signal ends it. Gives the exit code. */
export async function serve(environment: Record<string, string | undefined>): Promise<number> {
  const startedAtMs = performance.now()
  let config: Config
  try {
    config = readConfig(environment)
  } catch (error) {
    return refuse(error)
  }
  const log = openLog(config.logLevel)
  const { promise: stopped, resolve: stop } = Promise.withResolvers<number>()
  const stopping = new AbortController()
  const onSignal = () => {
    process.stdout.write('  Ocelli stops …\n')
    stop(0)
    stopping.abort()
  }
  // terminal and npm each pass on the same Ctrl-C: being told again must not end what stops in order
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal).on(signal, () => undefined)
  // a closed terminal or pipe is no reason to end; what nobody caught is, but PostgreSQL is still stopped in order
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'an error that nobody caught: the platform stops')
    stop(1)
  })
  let platform: Platform | null = null
  let gateway: LocalGateway | null = null
  let gatewaySite: string | null = null
  // its secrets are stored hashed: who has made them tells them, however the start ends
  const told: { account: FirstAccount | null; isWelcome: boolean } = { account: null, isWelcome: false }
  try {
    const machine = thisMachine(environment)
    const dataFolder = resolveDataFolder(machine)
    await prepareDataFolder(dataFolder, { isPassedThrough: machine.isRoot })
    platform = await startPlatform({
      config,
      dataFolder,
      log,
      nowMs: Date.now,
      onFatal: (reason) => {
        log.error({ reason }, 'a part of the platform has ended')
        stop(1)
      },
      onFirstAccount: (account) => {
        told.account = account
      },
      signal: stopping.signal,
    })
    if (config.localGateway) {
      const { enrollmentToken, name } = await prepareLocalSite(platform.db, {
        accountId: platform.firstAccount.accountId,
        caFingerprint: platform.ca.fingerprint,
      })
      gatewaySite = name
      gateway = startLocalGateway({
        ...{
          program: gatewayProgram,
          platformUrl: platform.localUrl,
          home: join(dataFolder, 'gateway'),
          enrollmentToken,
          environment,
          log,
        },
      })
    }
    stopping.signal.throwIfAborted()
    process.stdout.write(
      welcome(platform, {
        dataFolder,
        gatewaySite,
        isOwnCa: servesHttps(config) && config.tls === null,
        startedInMs: performance.now() - startedAtMs,
      }),
    )
    told.isWelcome = true
    // now, and not only at the end: the start after a kill is the one that must be quick
    flushCompileCache()
    return await stopped
  } catch (error) {
    if (stopping.signal.aborted) return 0
    if (isExpected(error)) return refuse(error)
    log.fatal({ err: error }, 'the platform could not start')
    return 1
  } finally {
    if (told.account?.created && !told.isWelcome) {
      const lines = [
        '',
        '  The first account was made, and counts when the platform starts:',
        ...signInLines(told.account),
        '',
      ]
      process.stdout.write(`${lines.join('\n')}\n`)
    }
    await gateway?.stop()
    await platform?.close()
  }
}

const openLog = (level: string) =>
  pino(
    {
      level,
      redact: ['*.authorization', '*.password', '*.secret', '*.token'],
      serializers: { err: describeError },
    },
    pino.destination({ fd: 2, sync: false }),
  )

/** Of an error only what helps: libraries hang whole connections on theirs. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { name, message, stack, cause } = error
  const { code } = error as { code?: unknown }
  return { name, message, code, stack, ...(cause === undefined ? {} : { cause: describeError(cause) }) }
}

/** Those that say in a sentence what to do. */
const expected = [
  ...[ConfigError, DataFolderError, EmbeddedPostgresError],
  ...[InstanceLockError, NewerSchemaError, PartUnavailableError],
]
const isExpected = (error: unknown): error is Error => expected.some((kind) => error instanceof kind)

/** Says the sentence. Gives the exit code: 1 where starting again may help, 2 where it does not. */
function refuse(error: unknown): number {
  if (!isExpected(error)) throw error
  process.stderr.write(`${error.message}\n`)
  return error instanceof PartUnavailableError ? 1 : 2
}

function signInLines({ adminEmail, adminPassword, clientId, clientSecret }: FirstAccount): string[] {
  return [
    `  Administrator           ${adminEmail}`,
    ...(adminPassword ? [`  Password                ${adminPassword}   (shown this once)`] : []),
    `  Technical user          ${clientId ?? 'none'}`,
    ...(clientSecret ? [`  Client secret           ${clientSecret}   (shown this once)`] : []),
  ]
}

function welcome(
  { publicUrl, firstAccount, ca }: Platform,
  {
    dataFolder,
    gatewaySite,
    isOwnCa,
    startedInMs,
  }: { dataFolder: string; gatewaySite: string | null; isOwnCa: boolean; startedInMs: number },
): string {
  const lines = [
    '',
    `  Ocelli is ready (${(startedInMs / 1000).toFixed(1)} s)`,
    '',
    `  API and documentation   ${publicUrl}/docs`,
    ...(isOwnCa
      ? [
          `  Certificate authority   ${publicUrl}/.well-known/ocelli-ca.pem`,
          `    SHA-256               ${ca.fingerprint}`,
        ]
      : []),
    `  Data                    ${dataFolder}`,
    `  Built-in gateway        ${gatewaySite === null ? 'off' : `site ${gatewaySite}`}`,
    ...signInLines(firstAccount),
    '',
    '  Sign in on the command line, as the technical user or with --email as the administrator:',
    `  npx ocelli login --url ${publicUrl}${isOwnCa ? ` --ca ${ca.fingerprint}` : ''} --client-id ${firstAccount.clientId ?? 'ID'}`,
    '  or get a token:',
    ...(isOwnCa ? [`  npx ocelli platform ca --url ${publicUrl} --ca ${ca.fingerprint} > ocelli-ca.pem`] : []),
    `  curl${isOwnCa ? ' --cacert ocelli-ca.pem' : ''} -u '${firstAccount.clientId ?? 'ID'}:SECRET' -d grant_type=client_credentials ${publicUrl}/auth/v1/token`,
    '',
  ]
  return `${lines.join('\n')}\n`
}
