import { createHash, randomUUID } from 'node:crypto'
import type { AppReport, DeviceReport, LicenseType } from '@ocelli/contract'
import type { ReportBatch } from '../src/features/installations/device-reports.ts'
import type { Database } from '../src/platform/database/database.ts'

export interface TestDevice {
  accountId: string
  deviceId: string
  gatewayId: string
  siteId: string
  session: number
  seq: number
}

/** A claimed, online device behind a connected gateway of its own. */
export async function addDevice(db: Database, accountId: string): Promise<TestDevice> {
  const { site_id } = await db
    .insertInto('site')
    .values({ account_id: accountId, name: randomUUID() })
    .returning('site_id')
    .executeTakeFirstOrThrow()
  const { gateway_id } = await db
    .insertInto('gateway')
    .values({
      account_id: accountId,
      site_id,
      name: 'gateway',
      public_key: '{}',
      certificate_serial: '1',
      certificate_expires_at: '2030-01-01T00:00:00Z',
      session: 1,
      connected: true,
    })
    .returning('gateway_id')
    .executeTakeFirstOrThrow()
  const deviceId = `camera-${randomUUID()}`
  await db
    .insertInto('device')
    .values({
      account_id: accountId,
      device_id: deviceId,
      state: 'CLAIMED',
      site_id,
      gateway_id,
      assignment: 1,
      connectivity: 'ONLINE',
      app_formats: ['apk'],
      claimed_at: '2026-01-01T00:00:00Z',
    })
    .execute()
  return { accountId, deviceId, gatewayId: gateway_id, siteId: site_id, session: 1, seq: 0 }
}

/** An app with versions 1.0.N for each version code N. */
export async function publishApp(
  db: Database,
  { accountId, appId, versions }: { accountId: string; appId: string; versions: number[] },
): Promise<void> {
  await db
    .insertInto('app')
    .values({ app_id: appId, account_id: accountId, name: 'App', signer_sha256: 'a'.repeat(64) })
    .execute()
  for (const versionCode of versions) {
    await db
      .insertInto('app_version')
      .values({ app_id: appId, version_code: versionCode, version: `1.0.${versionCode}` })
      .execute()
    const sha256 = createHash('sha256').update(`${appId}${versionCode}`).digest('hex')
    await db
      .insertInto('app_package')
      .values({ app_id: appId, version_code: versionCode, format: 'apk', size: 10, sha256 })
      .execute()
  }
}

export async function addOrder(
  db: Database,
  {
    accountId,
    appId,
    total,
    licenseType = 'FULL',
  }: { accountId: string; appId: string; total: number; licenseType?: LicenseType },
): Promise<string> {
  const { order_id } = await db
    .insertInto('app_order')
    .values({ account_id: accountId, app_id: appId, license_type: licenseType, total, state: 'CONFIRMED' })
    .returning('order_id')
    .executeTakeFirstOrThrow()
  return order_id
}

/** The next report of a device; `apps` null: the camera's list was not read. */
export function reportOf(
  device: TestDevice,
  apps: AppReport[] | null,
  work: DeviceReport['work'],
  overrides: Partial<Pick<DeviceReport, 'seq' | 'assignment' | 'revision'>> & { session?: number } = {},
): ReportBatch {
  device.seq += 1
  const { session = device.session, ...report } = overrides
  return {
    gateway: { gatewayId: device.gatewayId, accountId: device.accountId },
    session,
    reports: [
      {
        deviceId: device.deviceId,
        assignment: 1,
        seq: device.seq,
        revision: 1_000_000,
        connectivity: {
          state: 'ONLINE',
          reason: null,
          detail: null,
          lastAnswerSecondsAgo: 0,
          clockOffsetSeconds: 0,
          certificateExpiresAt: null,
        },
        address: null,
        facts: null,
        apps,
        work,
        ...report,
      },
    ],
  }
}
