import { randomUUID } from 'node:crypto'
import type { AppReport, Installation, Work } from '@ocelli/contract'
import { applyReports } from '../src/features/installations/apply-reports.ts'
import { readDesired } from '../src/features/installations/desired-state.ts'
import { installationRoutes } from '../src/features/installations/installation-routes.ts'
import { createInstallationService } from '../src/features/installations/installation-service.ts'
import { issueLicenseForGateway } from '../src/features/licenses/issue-license.ts'
import { licenseRoutes } from '../src/features/licenses/license-routes.ts'
import type { AnyRoute } from '../src/platform/http/route.ts'
import type { LicenseKeys } from '../src/platform/keys/instance-keys.ts'
import { addDevice, addOrder, publishApp, reportOf } from './installation-fixture.ts'
import { createTestKeys } from './ledger-fixture.ts'
import { createTestPlatform, type TestParts, type TestPlatform } from './test-platform.ts'

type InstallationAnswer = Installation & { code?: string; detail?: string; requiredPermission?: string }

/** A server with the routes of installations and licenses, and `more`. */
export async function createInstallationBench(more: (parts: TestParts) => AnyRoute[] = () => []) {
  const { keys } = await createTestKeys()
  const platform = await createTestPlatform((parts) => [
    ...installationRoutes({ installations: createInstallationService({ db: parts.db, wake: () => {} }) }),
    ...licenseRoutes({ keys }),
    ...more(parts),
  ])
  return { platform, scene: () => createScene(platform, keys) }
}

/** An account with one camera, an app in versions 1.0.1 and 1.0.2 with two units, and what its gateway says and asks. */
async function createScene(platform: TestPlatform, keys: LicenseKeys) {
  const { db } = platform
  const account = await platform.account()
  const { accountId } = account
  const device = await addDevice(db, accountId)
  const { deviceId, gatewayId } = device
  const appId = `com.example.${randomUUID().slice(0, 8)}`
  await publishApp(db, { accountId, appId, versions: [1, 2] })
  const orderId = await addOrder(db, { accountId, appId, total: 2 })

  const path = `/software/v1/apps/${appId}/devices/${encodeURIComponent(deviceId)}`
  async function call<Body = InstallationAnswer>(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    url: string = path,
    payload?: object,
    headers?: Record<string, string>,
  ) {
    const answer = await platform.app.inject({ method, url, payload, headers: { ...account.headers, ...headers } })
    return { status: answer.statusCode, body: answer.json<Body>() }
  }
  const wishes = async () => (await readDesired(db, [{ accountId, deviceId }]))[0]?.apps ?? []
  const wish = async () => (await wishes())[0]
  const install = (changes: object = {}) => call('PUT', path, { licenseType: 'FULL', ...changes })

  type Report = typeof reportOf extends (of: never, ...rest: infer Rest) => unknown ? Rest : never
  const report = (...said: Report) => applyReports(db, [reportOf(device, ...said)])

  /** Where the gateway stands with the present wish. */
  const work = async (phase: Work['phase'], more: Partial<Work> = {}) => ({
    ...{ appId, revision: (await wish())?.revision ?? 0, phase },
    ...{ step: null, percent: null, stepSecondsLeft: null, error: null },
    ...more,
  })

  /** The camera lists the app in this version, with that work on it. */
  async function reportApp(
    version: string,
    done: Awaited<ReturnType<typeof work>> | null,
    more: Partial<AppReport> = {},
  ) {
    const app = { appId, name: 'App', present: true, version, runningState: 'NOT_RUNNING' as const, work: done }
    await report([{ ...app, ...more }], done ? [done] : [])
  }

  /** What the gateway gets for the license that the wish names. */
  async function askLicense() {
    const licenseId = (await wish())?.license?.licenseId ?? ''
    return await issueLicenseForGateway(db, keys, { gatewayId, accountId, deviceId, assignment: 1, appId, licenseId })
  }

  return {
    ...{ account, device, appId, orderId, path, call, install, wishes, wish, work, report, reportApp, askLicense },
    /** How many of the order's units are in use. */
    async used(): Promise<number> {
      const order = db.selectFrom('app_order').select('used').where('order_id', '=', orderId)
      return (await order.executeTakeFirstOrThrow()).used
    },
    /** Installs the app, up to the gateway's word that it is there. */
    async installed(version = '1.0.2', runningState: AppReport['runningState'] = 'NOT_RUNNING') {
      await install(version === '1.0.2' ? {} : { version })
      await askLicense()
      await reportApp(version, await work('CONVERGED'), { runningState })
    },
  }
}

export type InstallationBench = Awaited<ReturnType<typeof createInstallationBench>>
export type InstallationScene = Awaited<ReturnType<typeof createScene>>

/** A final refusal by the camera, as its gateway tells it. */
export const refusedByDevice: NonNullable<Work['error']> = {
  ...{ category: 'refused-by-device', code: 'install-failed', detail: 'No.', deviceCode: null, retryable: false },
  at: '2026-01-01T00:00:00Z',
}
