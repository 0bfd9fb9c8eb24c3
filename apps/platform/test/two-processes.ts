import { randomUUID } from 'node:crypto'
import type { Installation, Permission, Problem } from '@ocelli/contract'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { pino } from 'pino'
import { vi } from 'vitest'
import { installationRoutes } from '../src/features/installations/installation-routes.ts'
import { createInstallationService } from '../src/features/installations/installation-service.ts'
import type { DatabaseTransaction } from '../src/platform/database/database.ts'
import { createApp } from '../src/platform/http/create-app.ts'
import { registerRoutes } from '../src/platform/http/register-routes.ts'
import type { Context } from '../src/platform/http/route.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import type { TestDevice } from './installation-fixture.ts'
import { watchMovements } from './ledger/movements.ts'
import { type Customer, createLedger } from './ledger-fixture.ts'
import type { TestAccount } from './test-platform.ts'

export interface Sent {
  method: 'PUT' | 'POST' | 'DELETE'
  url: string
  body?: object
  key?: string
  by?: Pick<TestAccount, 'headers'>
}

export interface Got {
  requestId: string
  status: number
  isReplay: boolean
  /** The installation as it now stands, or a problem. */
  body: Partial<Installation> & Partial<Problem>
}

export type TwoProcesses = Awaited<ReturnType<typeof createTwoProcesses>>

/** Two HTTP servers with batches of their own on one database, as two platform processes are behind a load balancer. */
export async function createTwoProcesses() {
  const ledger = await createLedger(() => [], 16)
  await watchMovements(ledger.db)
  const { db, platform } = ledger
  const metrics = createMetrics()
  const limits = { rateLimitPerSecond: 0, publicUrl: 'http://127.0.0.1', tls: null }
  const second = await createApp({ log: pino({ level: 'silent' }), metrics, ...limits })
  const installations = createInstallationService({ db, wake: () => {} })
  registerRoutes(second, installationRoutes({ installations }), { db, authenticate: platform.bearer.authenticate })
  await second.ready()

  const contextOf = ({ accountId, userId }: TestAccount, { withKey = false } = {}): Context => {
    const permissions = new Set<Permission>()
    const caller = { ...{ kind: 'user' as const, id: userId }, accountId, permissions, scope: { all: true as const } }
    const requestId = randomUUID()
    const origin = { actor: { kind: caller.kind, id: userId }, requestId }
    const asked = { method: 'PUT', path: '/', content: null }
    const key = withKey ? { key: { ...asked, key: randomUUID(), caller, requestId } } : {}
    return { db, caller, origin, afterCommit: (hint) => hint(), ...key }
  }
  const send =
    (app: FastifyInstance) =>
    async ({ method, url, body, key, by }: Sent): Promise<Got> => {
      const requestId = randomUUID()
      const headers = { ...by?.headers, 'x-request-id': requestId, ...(key ? { 'idempotency-key': key } : {}) }
      const answer = await app.inject({ method, url, headers, ...(body ? { payload: body } : {}) })
      const isReplay = answer.headers['idempotency-replayed'] === 'true'
      return { requestId, status: answer.statusCode, isReplay, body: answer.json() }
    }
  return {
    ledger,
    db,
    /** The second process without HTTP: requests reach it in the order of the calls. */
    installations,
    /** Installs through the second process, in this order: the first goes at once, the others are one batch. */
    installInOrder({ account, appId }: Customer, devices: TestDevice[], { withKey = false } = {}) {
      return devices.map(({ deviceId }) =>
        installations.install(
          contextOf(account, { withKey }),
          { appId, deviceId },
          { licenseType: 'FULL', whenOffline: 'reject' },
        ),
      )
    },
    contextOf,
    first: send(platform.app),
    second: send(second),
    renameDevice: (device: TestDevice, deviceId: string) =>
      db.updateTable('device').set({ device_id: deviceId }).where('device_id', '=', device.deviceId).execute(),
    /** Holds a device's row until the given work is done. */
    async whileLocked<Result>(
      { deviceId }: TestDevice,
      work: (transaction: DatabaseTransaction) => Promise<Result>,
    ): Promise<Result> {
      return await db.transaction().execute(async (transaction) => {
        await sql`SELECT 1 FROM device WHERE device_id = ${deviceId} FOR UPDATE`.execute(transaction)
        return await work(transaction)
      })
    },
    /** The backend that waits for a lock, as soon as there is one. */
    async waiting(): Promise<number> {
      return await vi.waitFor(
        async () => {
          const { rows } = await sql<{ pid: number }>`SELECT pid FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db)
          const [row] = rows
          if (!row || rows.length > 1) throw new Error(`${rows.length} backends wait for a lock.`)
          return row.pid
        },
        { timeout: 30_000 },
      )
    },
    /** Types of the events that a request has made, in their order. */
    async eventsOf({ requestId }: Got): Promise<string[]> {
      const { rows } = await sql<{
        type: string
      }>`SELECT type FROM event WHERE request_id = ${requestId} ORDER BY xid, event_id`.execute(db)
      return rows.map(({ type }) => type)
    },
    /** How many transactions the account's accepted requests took. */
    async transactionsOf(accountId: string): Promise<number> {
      const { rows } = await sql<{
        n: number
      }>`SELECT count(DISTINCT xid)::int AS n FROM event WHERE account_id = ${accountId}
        AND type = 'installation.requested'`.execute(db)
      return rows[0]?.n ?? 0
    },
    async close() {
      await second.close()
      metrics.close()
      await ledger.close()
    },
  }
}
