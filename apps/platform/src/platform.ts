import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import type { Server as SecureServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { ensureFirstAccount, type FirstAccount } from './features/accounts/first-account.ts'
import { acceptPackages, sweepBlobs } from './features/apps/package-upload.ts'
import { endLogins } from './features/camera-logins/end-logins.ts'
import { sendLogins } from './features/camera-logins/send-logins.ts'
import { takeResults } from './features/camera-logins/take-results.ts'
import { createChannel } from './features/channel/channel.ts'
import { applyReports } from './features/installations/apply-reports.ts'
import { sweepDeadlines } from './features/installations/deadline-sweep.ts'
import { readDesired } from './features/installations/desired-state.ts'
import { sweepExpiry } from './features/licenses/expire-licenses.ts'
import { issueLicensesForGateways } from './features/licenses/issue-license.ts'
import { warnOfExpiry } from './features/licenses/warn-of-expiry.ts'
import { createRolloutEngine } from './features/rollouts/engine.ts'
import { createPeople } from './features/sign-in/people.ts'
import { measureCertificateEnds } from './features/system/measure-certificate-ends.ts'
import { addresses, localUrl } from './platform/addresses.ts'
import { createAccessTokens } from './platform/auth/access-token.ts'
import { type BearerAuthentication, createBearerAuthentication } from './platform/auth/authenticate.ts'
import { openBlobStore } from './platform/blob-store/blob-store.ts'
import { createExternalBroker } from './platform/broker/external-broker.ts'
import { createBroker } from './platform/broker/in-process-broker.ts'
import { holdInstanceLock } from './platform/broker/instance-lock.ts'
import { type CertificateAuthority, createCertificateAuthority } from './platform/ca/certificate-authority.ts'
import { createClosing } from './platform/closing.ts'
import { type Config, isLoopback } from './platform/config.ts'
import { type Database, openDatabase } from './platform/database/database.ts'
import { awaitDatabase } from './platform/database/database-away.ts'
import { migrate } from './platform/database/migrate.ts'
import { limitsOf } from './platform/database/session-limits.ts'
import { refuseSharedSessions } from './platform/database/shared-sessions.ts'
import { startEmbeddedPostgres } from './platform/embedded-postgres/start-embedded-postgres.ts'
import { every } from './platform/every.ts'
import { createApp } from './platform/http/create-app.ts'
import { forgetKeys } from './platform/http/idempotency.ts'
import { createOpenStreams } from './platform/http/open-streams.ts'
import { registerRoutes } from './platform/http/register-routes.ts'
import { openServerCertificate } from './platform/http/server-certificate.ts'
import { accessTokenKey } from './platform/keys/instance-keys.ts'
import { openLicenseKeyring, rotateSigningKey } from './platform/keys/license-keyring.ts'
import { createVault, loadMasterKey } from './platform/keys/master-key.ts'
import { listenBacklog } from './platform/listen-backlog.ts'
import { createMetrics } from './platform/metrics.ts'
import { listening, reaching } from './platform/start-failure.ts'
import { platformRoutes } from './platform-routes.ts'
import { servePages } from './serve-pages.ts'

export interface Platform {
  /** Where people and gateways on this machine reach it. */
  localUrl: string
  publicUrl: string
  mqttPort: number | null
  firstAccount: FirstAccount
  db: Database
  app: FastifyInstance
  ca: CertificateAuthority
  close(): Promise<void>
}

export interface PlatformOptions {
  config: Config
  dataFolder: string
  log: Logger
  nowMs: () => number
  /** A part that the platform cannot do without has ended: stop. */
  onFatal: (reason: string) => void
  onFirstAccount?: (account: FirstAccount) => void
  /** Ends the waiting for parts that do not answer yet. */
  signal: AbortSignal
}

const httpVariables = { hostVariable: 'OCELLI_HTTP_HOST', portVariable: 'OCELLI_HTTP_PORT' }
const mqttVariables = {
  hostVariable: 'OCELLI_MQTT_HOST (else OCELLI_HTTP_HOST counts)',
  portVariable: 'OCELLI_MQTT_PORT',
}

/** The embedded PostgreSQL lies on the same disk, and ends when it cannot write. */
const diskSpareBytes = 256 * 1024 ** 2

/** How long external parts are waited for at the start. */
const patienceMs = 60_000

/** Starts everything in order; what was started is stopped in reverse order, also when a later part fails to start. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const closing = createClosing(options.log)
  try {
    return await start(options, closing)
  } catch (error) {
    await closing.run()
    throw error
  }
}

async function start(options: PlatformOptions, closing: ReturnType<typeof createClosing>): Promise<Platform> {
  const { config, dataFolder, log, nowMs, onFatal, signal } = options
  const patience = { patienceMs, signal, log }
  const connectionString = config.databaseUrl ?? (await startPostgres(options, closing))
  const vault = createVault(await loadMasterKey({ fromEnvironment: config.masterKey, dataFolder }))
  await reaching({ variable: 'DATABASE_URL', url: config.databaseUrl }, async () => {
    if (config.databaseUrl) {
      await awaitDatabase(connectionString, patience)
      await refuseSharedSessions(connectionString)
    }
    await migrate(connectionString)
  })
  if (!config.mqttUrl) {
    const lock = await holdInstanceLock(connectionString)
    closing.add('instance lock', () => lock.release())
    lock.lost.then((error) => closing.isClosing() || onFatal(error.message))
  }
  const limits = limitsOf(config.statementTimeoutSeconds * 1000)
  const { db, close: closeDatabase } = openDatabase({
    connectionString,
    maxConnections: config.databasePoolSize,
    limits,
    onError: (err) => log.warn({ err }, 'a database connection was lost'),
  })
  closing.add('database', closeDatabase)

  const tokenKey = await accessTokenKey(db, vault)
  const derive = (purpose: string) => createHmac('sha256', tokenKey).update(purpose).digest()
  const accessTokens = createAccessTokens(tokenKey)
  const keys = await openLicenseKeyring(db, vault, nowMs)
  const ca = await createCertificateAuthority(db, vault, nowMs)
  const bearer = createBearerAuthentication({ db, accessTokens, nowMs })
  const address = addresses(config)
  const people = await createPeople({
    ...{ connectionString, limits, log, db, nowMs, publicUrl: address.publicUrl, readCaller: bearer.readCaller },
    secret: derive('sign-in').toString('base64url'),
  })
  closing.add('sign-in', () => people.close())
  const firstAccount = await ensureFirstAccount(db, config.first, people)
  options.onFirstAccount?.(firstAccount)
  const blobs = await openBlobStore({
    ...{ blobUrl: config.blobUrl, folder: join(dataFolder, 'blobs'), nowMs },
    spareBytes: diskSpareBytes,
  })

  const metrics = createMetrics()
  const broker = config.mqttUrl
    ? createExternalBroker({ url: config.mqttUrl, ca, nowMs, ...patience })
    : await createBroker({ db, ca, accessTokens, log, listen: config.mqtt, names: address.names, nowMs })
  closing.add('broker', () => broker.close())
  const channel = createChannel({
    ...{ db, broker, log, metrics, keys, nowMs, readDesired, issueLicensesForGateways },
    cameraLogins: { send: sendLogins, takeResults },
    applyReports: (database, batches) => applyReports(database, batches, (pairs) => rollouts.settled(pairs)),
  })
  closing.add('device channel', () => channel.close())
  const rollouts = createRolloutEngine({ db, log, nowMs, onWishes: channel.wake })
  closing.add('rollouts', () => rollouts.close())

  const ending = new AbortController()
  const certificate = await openServerCertificate(config, { ca, names: address.names, nowMs })
  const app = await createApp({
    log,
    metrics,
    rateLimitPerSecond: config.rateLimitPerSecond,
    publicUrl: address.publicUrl,
    tls: certificate?.current ?? null,
    trustedProxies: config.trustedProxies,
  })
  closing.add('http', async () => {
    ending.abort()
    await app.close()
  })
  acceptPackages(app)
  servePages(app)
  const authenticate = bothWays(bearer, people)
  registerRoutes(
    app,
    platformRoutes({
      ...{ db, log, metrics, blobs, ca, keys, accessTokens, authenticate, people, nowMs, ...address },
      forget: () => {
        bearer.forget()
        people.forget()
      },
      linkKey: derive('download-links'),
      metricsAccess: isLoopback(config.http.host) && !config.publicUrl ? 'public' : 'platform:operate',
      checks: { database: async () => void (await sql`SELECT 1`.execute(db)) },
      wake: channel.wake,
      wakeRollouts: rollouts.wake,
      tellShares: channel.tellShares,
      unassigned: (gatewayId, deviceId) =>
        void channel.unassign(gatewayId, [deviceId]).catch((err) => log.warn({ err }, 'unassigned')),
      disconnect: broker.disconnect,
      closing: ending.signal,
      streams: createOpenStreams(config.limits.streams),
      openRolloutsPerAccount: config.limits.openRolloutsPerAccount,
    }),
    { db, authenticate },
  )
  app.get('/openapi.json', { schema: { hide: true } as object }, async () => app.swagger())
  app.get('/', { schema: { hide: true } as object }, async (_request, reply) => reply.redirect('/docs'))
  broker.attachWebSocket(app.server)
  const { port: mqttPort } = await reaching({ variable: 'MQTT_URL', url: config.mqttUrl }, () =>
    listening({ ...config.mqtt, ...mqttVariables }, () => broker.listen()),
  )
  const measureCertificates = () => {
    const shown = { ca: ca.certificatePem, https: certificate?.current.cert ?? null, ...broker.certificates() }
    return measureCertificateEnds(db, metrics, shown)
  }
  await measureCertificates()
  channel.start()
  rollouts.start()
  await listening({ ...config.http, ...httpVariables }, () => app.listen({ ...config.http, backlog: listenBacklog }))
  for (const task of [
    {
      name: 'deadlines',
      intervalMs: 1000,
      run: () =>
        sweepDeadlines(db, nowMs, (pairs) => rollouts.settled(pairs)).then((ended) => ended > 0 && channel.wake()),
    },
    {
      name: 'license ends',
      intervalMs: 120_000,
      run: async () => {
        if ((await sweepExpiry(db)).installations > 0) channel.wake()
        await warnOfExpiry(db, config.licensing.warnDays)
      },
    },
    { name: 'logins of cameras', intervalMs: 60_000, run: () => endLogins(db) },
    { name: 'rotated license keys', intervalMs: 10_000, run: () => keys.refresh() },
    {
      name: 'license key rotation',
      intervalMs: 3_600_000,
      run: async () => {
        const { keyRotationDays: olderThanDays } = config.licensing
        if (olderThanDays > 0) await rotateSigningKey(db, vault, { olderThanDays })
      },
    },
    {
      name: 'certificate of HTTPS',
      intervalMs: 3_600_000,
      run: async () => {
        const renewed = await certificate?.renew()
        if (!renewed) return
        ;(app.server as unknown as SecureServer).setSecureContext(renewed)
        log.info('HTTPS is served with a new certificate')
      },
    },
    { name: 'certificate of the device channel', intervalMs: 600_000, run: () => broker.renewCertificate() },
    { name: 'ends of certificates', intervalMs: 60_000, run: measureCertificates },
    { name: 'ended sessions', intervalMs: 3_600_000, run: () => people.sweepSessions() },
    { name: 'unnamed blobs', intervalMs: 3_600_000, run: () => sweepBlobs({ db, blobs }) },
    { name: 'old idempotency keys', intervalMs: 600_000, run: () => forgetKeys(db) },
  ]) {
    const running = every(task, log)
    closing.add(task.name, running.close)
  }
  return {
    localUrl: localUrl(config, certificate !== null),
    publicUrl: address.publicUrl,
    mqttPort,
    firstAccount,
    db,
    app,
    ca,
    close: closing.run,
  }
}

async function startPostgres(
  { dataFolder, log, config, onFatal }: PlatformOptions,
  closing: ReturnType<typeof createClosing>,
): Promise<string> {
  const settings = config.databasePoolSize > 80 ? { max_connections: String(config.databasePoolSize + 20) } : undefined
  const postgres = await startEmbeddedPostgres({ dataFolder, log, settings })
  closing.add('PostgreSQL', () => postgres.stop())
  postgres.onUnexpectedExit((reason) => closing.isClosing() || onFatal(reason))
  return postgres.connectionString
}

/** Bearer tokens of programs first, then the session cookie of people. */
function bothWays(bearer: BearerAuthentication, people: { authenticate: BearerAuthentication['authenticate'] }) {
  const authenticate: BearerAuthentication['authenticate'] = async (request) =>
    (await bearer.authenticate(request)) ?? (await people.authenticate(request))
  return authenticate
}
