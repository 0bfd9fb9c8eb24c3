import { randomUUID } from 'node:crypto'
import type { LicenseType, Permission } from '@ocelli/contract'
import { certifyKey, generateLicenseKey, type PrivateLicenseKey } from '@ocelli/license'
import { sql } from 'kysely'
import { claimDevices } from '../src/features/claims/claim-service.ts'
import { applyReports } from '../src/features/installations/apply-reports.ts'
import { readDesired } from '../src/features/installations/desired-state.ts'
import { installationRoutes } from '../src/features/installations/installation-routes.ts'
import { createInstallationService } from '../src/features/installations/installation-service.ts'
import { issueLicenseForGateway } from '../src/features/licenses/issue-license.ts'
import { licenseRoutes } from '../src/features/licenses/license-routes.ts'
import { ordersRoutes } from '../src/features/orders/orders-routes.ts'
import { usualLimits } from '../src/platform/database/session-limits.ts'
import type { AnyRoute } from '../src/platform/http/route.ts'
import type { LicenseKeys } from '../src/platform/keys/instance-keys.ts'
import { addDevice, publishApp, reportOf, type TestDevice } from './installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestParts } from './test-platform.ts'

const unknownFacts = {
  ...{ manufacturer: null, model: null, serialNumber: null, macAddress: null, firmwareVersion: null },
  ...{ architecture: null, platformLevel: null },
}

const refusal = {
  ...{ category: 'refused-by-device' as const, code: 'install-failed', detail: 'No.', deviceCode: null },
  retryable: false,
}

export interface TestKeys {
  keys: LicenseKeys
  root: PrivateLicenseKey
}

export async function createTestKeys(): Promise<TestKeys> {
  const [root, signing] = await Promise.all([generateLicenseKey(), generateLicenseKey()])
  const keys = {
    signing: signing.privateKey,
    root: root.publicKey,
    keyCertificate: await certifyKey({ root: root.privateKey, subject: signing.publicKey, issuedAt: 1 }),
    publicKeys: [root.publicKey, signing.publicKey],
  }
  return { keys, root: root.privateKey }
}

export type Ledger = Awaited<ReturnType<typeof createLedger>>
export type Customer = Awaited<ReturnType<Ledger['customer']>>

/** Orders, licenses and installations on a database of their own, and a gateway that does what it is told. */
export async function createLedger(
  more: (keys: LicenseKeys, parts: TestParts) => AnyRoute[] = () => [],
  maxConnections = 10,
  limits = usualLimits,
) {
  const { keys, root } = await createTestKeys()
  let wakes = 0
  const platform = await createTestPlatform(
    (parts) => [
      ...installationRoutes({ installations: createInstallationService({ db: parts.db, wake: () => {} }) }),
      ...licenseRoutes({ keys, wake: () => void wakes++ }),
      ...ordersRoutes(),
      ...more(keys, parts),
    ],
    undefined,
    { maxConnections, limits },
  )
  const { db } = platform

  /** An account with an app of its own in versions 1.0.1 and 1.0.2. */
  async function customer(permissions?: Permission[]) {
    const account = await platform.account(permissions ? { permissions } : {})
    const { accountId } = account
    const appId = `com.example.${randomUUID().slice(0, 8)}`
    await publishApp(db, { accountId, appId, versions: [1, 2] })

    const call = async (
      method: 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH',
      url: string,
      payload?: object,
      by: TestAccount = account,
    ) => {
      const answer = await platform.app.inject({ method, url, payload, headers: by.headers })
      const isJson = String(answer.headers['content-type']).includes('json')
      return { status: answer.statusCode, body: isJson ? answer.json() : answer.body }
    }
    const pathOf = (deviceId: string) => `${appId}/devices/${encodeURIComponent(deviceId)}`
    const licensePath = (deviceId: string) => `/license/v1/licenses/apps/${pathOf(deviceId)}`
    const installPath = (deviceId: string) => `/software/v1/apps/${pathOf(deviceId)}`

    const customer = {
      account,
      accountId,
      appId,
      call,
      licensePath,
      installPath,
      /** A confirmed order; `endsInDays` makes a subscription's end. */
      async order(total: number, licenseType: LicenseType = 'FULL', endsInDays = 365): Promise<string> {
        const isTermed = licenseType === 'SUBSCRIPTION'
        const { rows } = await sql<{ order_id: string }>`
          INSERT INTO app_order (account_id, app_id, license_type, total, state, term_days, valid_until, confirmed_at)
          VALUES (${accountId}, ${appId}, ${licenseType}, ${total}, 'CONFIRMED', ${isTermed ? 365 : null},
            CASE WHEN ${isTermed} THEN date_trunc('second', now()) + ${endsInDays} * interval '1 day' END, now())
          RETURNING order_id`.execute(db)
        return String(rows[0]?.order_id)
      },
      device: () => addDevice(db, accountId),
      makeLicense: (deviceId: string, payload: object) => call('POST', licensePath(deviceId), payload),
      install: (deviceId: string, payload: object) => call('PUT', installPath(deviceId), payload),
      installation: async (deviceId: string) => (await call('GET', installPath(deviceId))).body,
      async used(orderId: string) {
        const { rows } = await sql<{ total: number; used: number; state: string }>`
          SELECT total, used, state FROM app_order WHERE order_id = ${orderId}`.execute(db)
        return rows[0]
      },
      /** Types of the account's events about a license or an order, oldest first. */
      async events(about: { licenseId?: string; orderId?: string }) {
        const { rows } = await sql<{ type: string; data: Record<string, unknown> }>`
          SELECT type, data FROM event WHERE account_id = ${accountId}
            AND (license_id = ${about.licenseId ?? null} OR order_id = ${about.orderId ?? null}) ORDER BY xid, event_id`.execute(
          db,
        )
        return rows
      },
      /** The gateway carries out what is wished for the app: asks for the license, and reports the end of it. */
      async converge(device: TestDevice, runningState: 'RUNNING' | 'NOT_RUNNING' = 'NOT_RUNNING') {
        const wish = await desired(device, appId)
        if (!wish) return null
        const file = wish.license ? await askLicense(device, { appId, licenseId: wish.license.licenseId }) : null
        const work = {
          ...{ appId, revision: wish.revision, phase: 'CONVERGED' as const },
          ...{ step: null, percent: null, stepSecondsLeft: null, error: null },
        }
        const present = wish.presence === 'PRESENT'
        const app = { appId, name: 'App', present, version: present ? '1.0.2' : null, runningState, work }
        await applyReports(db, [reportOf(device, [app], [work])])
        return file
      },
      /** The gateway gives up what is wished for the app; something may be left on the camera. */
      async fail(device: TestDevice, { present, step }: { present: boolean; step: 'INSTALL' | 'START' }) {
        const wish = await desired(device, appId)
        if (!wish) return
        const work = {
          ...{ appId, revision: wish.revision, phase: 'FAILED' as const, percent: null, stepSecondsLeft: null },
          ...{ step, error: { ...refusal, at: new Date().toISOString() } },
        }
        const version = present ? '1.0.2' : null
        const app = { appId, name: 'App', present, version, runningState: 'NOT_RUNNING' as const, work }
        await applyReports(db, [reportOf(device, [app], [work])])
      },
      desired: (device: TestDevice) => desired(device, appId),
    }
    return {
      ...customer,
      /** An app that runs on a camera under a SUBSCRIPTION of an order with two units. */
      async subscribed(endsInDays = 365) {
        const orderId = await customer.order(2, 'SUBSCRIPTION', endsInDays)
        const device = await customer.device()
        await customer.install(device.deviceId, { licenseType: 'SUBSCRIPTION', orderId, start: true })
        await customer.converge(device, 'RUNNING')
        const { license } = await customer.installation(device.deviceId)
        return { orderId, device, licenseId: String(license.licenseId) }
      },
    }
  }

  async function desired({ accountId, deviceId }: TestDevice, appId: string) {
    const [whole] = await readDesired(db, [{ accountId, deviceId }])
    return whole?.apps.find((app) => app.appId === appId)
  }
  async function askLicense(device: TestDevice, { appId, licenseId }: { appId: string; licenseId: string }) {
    const { gatewayId, accountId, deviceId } = device
    const ask = { gatewayId, accountId, deviceId, assignment: 1, appId, licenseId }
    return (await issueLicenseForGateway(db, keys, ask)).license
  }
  /** Time passes for one license, or for an order and what stands on it. */
  async function age(what: { licenseId: string } | { orderId: string }, days: number): Promise<void> {
    const passed = sql`${days} * interval '1 day'`
    const [orderId, licenseId] = 'orderId' in what ? [what.orderId, null] : [null, what.licenseId]
    await sql`UPDATE app_order SET valid_until = valid_until - ${passed} WHERE order_id = ${orderId}`.execute(db)
    await sql`UPDATE license SET valid_until = valid_until - ${passed}, issued_at = issued_at - ${passed},
      renewed_at = renewed_at - ${passed} WHERE license_id = ${licenseId} OR order_id = ${orderId}`.execute(db)
  }
  /** What a gateway gets for the license that the wish for this app names. */
  const askWished = async (device: TestDevice, appId: string) => {
    const licenseId = (await desired(device, appId))?.license?.licenseId
    return licenseId ? await askLicense(device, { appId, licenseId }) : null
  }
  /** A gateway claims a camera that the account knows already, or does not. */
  async function claim(accountId: string, deviceId: string): Promise<TestDevice> {
    const gateway = await addDevice(db, accountId)
    const facts = { ...unknownFacts, appFormats: ['apk'] }
    const caller = {
      kind: 'gateway',
      id: gateway.gatewayId,
      accountId,
      permissions: new Set<Permission>(),
      scope: { all: true },
    } as const
    const origin = { actor: { kind: caller.kind, id: caller.id }, requestId: null }
    const item = {
      deviceId,
      driver: 'onvif' as const,
      identitySource: 'GetDeviceId',
      address: 'http://192.0.2.1',
      facts,
    }
    const [result] = await claimDevices({ db, caller, origin, afterCommit: (hint) => hint() }, [item])
    if (result?.result !== 'claimed') throw new Error(`The claim ended in ${result?.result}.`)
    return { ...gateway, deviceId }
  }
  return {
    platform,
    db,
    keys,
    age,
    claim,
    askLicense: askWished,
    root,
    customer,
    wakes: () => wakes,
    close: platform.close,
  }
}
