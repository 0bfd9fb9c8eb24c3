import type { EventPage, Rollout } from '@ocelli/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { noLimits, type TestPlatform } from '../../../test/test-platform.ts'
import { rolloutRoutes } from '../rollouts/rollout-routes.ts'
import { transferRoutes } from '../transfers/transfer-routes.ts'
import { eventRoutes } from './event-routes.ts'

let ledger: Ledger
let platform: TestPlatform
beforeAll(async () => {
  ledger = await createLedger((_keys, { db, bearer }) => {
    const closing = AbortSignal.timeout(600_000)
    const authenticate = bearer.authenticate
    return [
      ...eventRoutes({ ...noLimits, db, log: pino({ level: 'silent' }), authenticate, closing }),
      ...transferRoutes({ unassigned: () => {} }),
      ...rolloutRoutes({ db, authenticate, closing, ...noLimits, nowMs: Date.now, wakeRollouts: () => {} }),
    ]
  })
  platform = ledger.platform
})
afterAll(() => ledger?.close())

const addProject = async (accountId: string, name: string) => {
  const { rows } = await sql<{ id: string }>`
    INSERT INTO project (account_id, name) VALUES (${accountId}, ${name}) RETURNING project_id AS id`.execute(ledger.db)
  return rows[0]?.id ?? ''
}

/** Types of the events about a device that are told to who sees these projects. */
async function toldOf(
  accountId: string,
  { deviceId, projectIds }: { deviceId: string; projectIds: string[] },
): Promise<string[]> {
  const headers = await platform.machine(accountId, { permissions: ['audit:view'], projectIds })
  const { body } = await platform.call<EventPage>({ headers }, `GET /events/v1?deviceId=${deviceId}&size=1000`)
  return body.items.map(({ type }) => type)
}

test('nothing that happens to the licenses of a device is told to who does not see the device', async () => {
  const customer = await ledger.customer()
  const { accountId } = customer
  const [theirs, others] = [await addProject(accountId, 'theirs'), await addProject(accountId, 'others')]
  const device = await customer.device()
  await sql`UPDATE device SET project_ids = ARRAY[${theirs}]::uuid[] WHERE account_id = ${accountId}`.execute(ledger.db)
  await customer.order(3, 'FULL')
  await customer.install(device.deviceId, { licenseType: 'FULL' })
  await customer.converge(device)
  await customer.call('DELETE', customer.installPath(device.deviceId))
  await customer.converge(device)
  const { licenseId } = (await customer.makeLicense(device.deviceId, { licenseType: 'FULL' })).body
  await customer.call('POST', `/license/v1/licenses/${licenseId}/release`, { reason: 'the camera has burnt' })

  const read = (projectIds: string[]) => toldOf(accountId, { deviceId: device.deviceId, projectIds })
  expect(await read([others])).toEqual([])
  const told = await read([theirs])
  for (const [type, times] of [
    ['license.reserved', 2],
    ['license.issued', 2],
    ['license.released', 2],
  ] as const)
    expect(told.filter((one) => one === type)).toHaveLength(times)
})

test('nor what happens to them as the device leaves the account', async () => {
  const [customer, receiver] = [await ledger.customer(), await platform.account()]
  const { accountId } = customer
  const [theirs, others] = [await addProject(accountId, 'theirs'), await addProject(accountId, 'others')]
  const { deviceId } = await customer.device()
  await customer.order(3, 'FULL')
  await customer.makeLicense(deviceId, { licenseType: 'FULL' })
  const { licenseId } = (await customer.makeLicense('never-seen', { licenseType: 'FULL' })).body
  await sql`INSERT INTO project_device (account_id, project_id, device_id)
    SELECT account_id, ${theirs}, device_id FROM device WHERE account_id = ${accountId}`.execute(ledger.db)
  const offer = { deviceId, toAccountId: receiver.accountId, withLicenses: true }
  const { transferId } = (await customer.call('POST', '/device/v1/transfers', offer)).body
  const accepted = await customer.call('POST', `/device/v1/transfers/${transferId}/accept`, undefined, receiver)
  expect(accepted.status).toBe(200)
  await customer.call('POST', `/license/v1/licenses/${licenseId}/release`, { reason: 'never came' })
  for (const [id, last] of [
    [deviceId, 'order.changed'],
    ['never-seen', 'license.released'],
  ] as const) {
    expect(await toldOf(accountId, { deviceId: id, projectIds: [theirs] })).toContain(last)
    expect(await toldOf(accountId, { deviceId: id, projectIds: [others] })).not.toContain(last)
  }
})

test('a rollout is told to who sees it', async () => {
  const customer = await ledger.customer()
  const { accountId } = customer
  const [theirs, others] = [await addProject(accountId, 'theirs'), await addProject(accountId, 'others')]
  await customer.order(3, 'FULL')
  await customer.device()
  const permissions = ['apps:install', 'apps:view', 'audit:view'] as const
  const machine = async (projectIds: string[] | null) => ({
    headers: await platform.machine(accountId, { permissions: [...permissions], projectIds }),
  })
  const install = {
    action: 'INSTALL',
    appId: customer.appId,
    licenseType: 'FULL',
    devices: { filter: {}, keepOpen: true },
  }
  for (const [name, by] of [
    ['all', await machine(null)],
    ['theirs', await machine([theirs])],
  ] as const) {
    const { status, body } = await platform.call<Rollout>(by, 'POST /software/v1/rollouts', { name, ...install })
    expect(status).toBe(201)
    await platform.call(by, `POST /software/v1/rollouts/${body.rolloutId}/abort`)
  }
  const read = async (projectIds: string[] | null): Promise<string[]> => {
    const { body } = await platform.call<EventPage>(await machine(projectIds), 'GET /events/v1?size=1000')
    return body.items.flatMap(({ type, data }) => (type.startsWith('rollout.') ? [String(data.name ?? type)] : []))
  }
  const both = ['all', 'rollout.state-changed', 'theirs', 'rollout.state-changed']
  expect(await read(null)).toEqual(both)
  expect(await read([theirs])).toEqual(both.slice(2))
  expect(await read([others])).toEqual([])
})
