import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { acceptPackages } from '../src/features/apps/package-upload.ts'
import { createPeople } from '../src/features/sign-in/people.ts'
import { createAccessTokens } from '../src/platform/auth/access-token.ts'
import { openBlobStore } from '../src/platform/blob-store/blob-store.ts'
import { createCertificateAuthority } from '../src/platform/ca/certificate-authority.ts'
import { licenseKeys } from '../src/platform/keys/instance-keys.ts'
import { createVault } from '../src/platform/keys/master-key.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import { platformRoutes } from '../src/platform-routes.ts'
import { servePages } from '../src/serve-pages.ts'
import { createTestPlatform, noLimits, type TestPlatform } from './test-platform.ts'

function addWhatIsNoRoute(app: FastifyInstance): void {
  acceptPackages(app)
  servePages(app)
}

/** A server with every route of the platform; no engine, channel or broker is behind them. */
export async function createWholePlatform(options: { maxConnections?: number } = {}): Promise<TestPlatform> {
  const undo: (() => Promise<unknown>)[] = []
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-routes-'))
  undo.push(() => rm(folder, { recursive: true, force: true }))
  const log = pino({ level: 'silent' })
  const platform = await createTestPlatform(
    async ({ db, bearer, connectionString }) => {
      const vault = createVault(randomBytes(32))
      const publicUrl = 'http://127.0.0.1'
      const people = await createPeople({
        ...{ connectionString, publicUrl, secret: 'x'.repeat(40), log, db },
        ...{ readCaller: bearer.readCaller, nowMs: Date.now },
      })
      undo.push(() => people.close())
      return platformRoutes({
        ...{ db, log, people, publicUrl, metrics: createMetrics(), nowMs: Date.now },
        blobs: await openBlobStore({ blobUrl: null, folder, nowMs: Date.now }),
        ca: await createCertificateAuthority(db, vault, Date.now),
        keys: await licenseKeys(db, vault, Date.now()),
        accessTokens: createAccessTokens(new Uint8Array(32)),
        authenticate: bearer.authenticate,
        forget: bearer.forget,
        linkKey: randomBytes(32),
        mqttUrl: 'mqtts://127.0.0.1:8883',
        mqttWebSocketUrl: 'ws://127.0.0.1/mqtt',
        metricsAccess: 'platform:operate',
        checks: {},
        wake: () => {},
        wakeRollouts: () => {},
        tellShares: () => {},
        unassigned: () => {},
        disconnect: () => {},
        closing: AbortSignal.timeout(600_000),
        ...noLimits,
      })
    },
    addWhatIsNoRoute,
    options,
  )
  return {
    ...platform,
    async close() {
      await platform.close()
      for (const step of undo.reverse()) await step()
    },
  }
}
