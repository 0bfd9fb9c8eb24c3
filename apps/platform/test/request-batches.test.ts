import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { TestDevice } from './installation-fixture.ts'
import { findLedgerErrors } from './ledger/movements.ts'
import type { Customer } from './ledger-fixture.ts'
import { createTwoProcesses, type Got, type TwoProcesses } from './two-processes.ts'

let platform: TwoProcesses
let customer: Customer

beforeAll(async () => {
  platform = await createTwoProcesses()
  await sql`CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$`.execute(
    platform.db,
  )
  await sql`CREATE TRIGGER refuse_poison BEFORE INSERT ON installation FOR EACH ROW WHEN (NEW.device_id LIKE 'poison%')
    EXECUTE FUNCTION refuse_poison()`.execute(platform.db)
})
afterAll(() => platform?.close())
beforeEach(async () => {
  customer = await platform.ledger.customer()
})

const devicesOf = (count: number) => Promise.all(Array.from({ length: count }, () => customer.device()))
const install = (deviceId: string, more: { key?: string; body?: object; by?: Customer['account'] } = {}) => ({
  ...{
    method: 'PUT' as const,
    url: customer.installPath(deviceId),
    body: { licenseType: 'FULL' },
    by: customer.account,
  },
  ...more,
})
const codes = (answers: Got[]) => answers.map(({ status, body }) => (status < 400 ? status : body.code))
const ledgerErrors = () => findLedgerErrors(platform.db, customer.accountId)
describe('many requests at once', () => {
  test('take exactly the units there are, of several order lines and through two processes', async () => {
    for (const total of [3, 9, 11]) await customer.order(total)
    const devices = await devicesOf(60)
    const answers = await Promise.all(
      devices.map(({ deviceId }, at) => platform[at % 2 ? 'first' : 'second'](install(deviceId))),
    )
    expect(codes(answers).filter((code) => code === 202)).toHaveLength(23)
    expect(codes(answers).filter((code) => code === 'no-free-license')).toHaveLength(37)
    const licenses = new Set<string>()
    for (const [at, answer] of answers.entries()) {
      const isAccepted = answer.status === 202
      const events = isAccepted ? ['installation.requested', 'license.reserved'] : []
      expect(await platform.eventsOf(answer)).toEqual(events)
      if (!isAccepted) continue
      expect(answer.body).toMatchObject({ deviceId: devices[at]?.deviceId, appId: customer.appId, revision: 1 })
      licenses.add(answer.body.license?.licenseId ?? '')
    }
    expect(licenses.size).toBe(23)
    expect(await ledgerErrors()).toEqual([])
  })

  test('go together, but for the first, which goes at once', async () => {
    await customer.order(30)
    const answers = await Promise.all(platform.installInOrder(customer, await devicesOf(20)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202))
    expect(await platform.transactionsOf(customer.accountId)).toBe(2)
  })

  test('are each refused for their own reason, and the others go through', async () => {
    await customer.order(10)
    const [good, offline, unclaimed, taken, bare, last] = await devicesOf(6)
    const other = await platform.ledger.customer()
    const foreign = await other.device()
    await platform.db
      .updateTable('device')
      .set({ connectivity: 'OFFLINE' })
      .where('device_id', '=', offline?.deviceId ?? '')
      .execute()
    await sql`UPDATE device SET state = 'UNCLAIMED' WHERE device_id = ${unclaimed?.deviceId}`.execute(platform.db)
    await sql`INSERT INTO trial_issued (account_id, app_id, device_id, license_id)
      VALUES (${customer.accountId}, ${customer.appId}, ${taken?.deviceId}, gen_random_uuid())`.execute(platform.db)
    const at = (device: TestDevice | undefined) => device?.deviceId ?? ''
    const answers = await Promise.all(
      [
        install(at(good)),
        install(at(offline)),
        install(at(unclaimed)),
        install(at(taken), { body: { licenseType: 'TRIAL' } }),
        install('nowhere'),
        install(at(foreign)),
        install(at(foreign), { by: other.account }),
        install(at(bare), { body: { licenseType: 'FULL', version: '9.9' } }),
        install(at(bare), { body: { licenseType: 'FULL', orderId: randomUUID() } }),
        install(at(bare), { body: { licenseType: 'SUBSCRIPTION' } }),
        { method: 'POST' as const, url: customer.installPath(at(bare)), by: customer.account },
        { method: 'DELETE' as const, url: customer.installPath(at(bare)), by: customer.account },
        install(at(last)),
      ].map((request) => platform.first(request)),
    )
    expect(codes(answers)).toEqual([
      ...[202, 'device-offline', 'device-unclaimed', 'trial-used', 'not-found', 'not-found'],
      // the app belongs to the first account alone, and its device is not the second one's
      ...['not-found', 'not-found', 'not-found', 'no-free-license', 'app-not-installed', 200, 202],
    ])
    for (const answer of answers) {
      expect((await platform.eventsOf(answer)).length).toBe(answer.status === 202 ? 2 : 0)
      if (answer.status >= 400) expect(answer.body).toMatchObject({ requestId: answer.requestId })
    }
    expect(await ledgerErrors()).toEqual([])
  })

  test('do not fail with one that the database will not write', async () => {
    const orderId = await customer.order(30)
    const devices = await devicesOf(20)
    for (const number of [7, 13]) {
      const device = devices[number]
      if (device) await platform.renameDevice(device, `poison-${randomUUID()}`)
    }
    const { rows } = await sql<{
      device_id: string
    }>`SELECT device_id FROM device WHERE account_id = ${customer.accountId}
      ORDER BY random()`.execute(platform.db)
    const answers = await Promise.all(rows.map((row) => platform.first(install(row.device_id, { key: randomUUID() }))))
    expect(codes(answers)).toEqual(rows.map((row) => (row.device_id.startsWith('poison') ? 'internal' : 202)))
    expect(await customer.used(orderId)).toMatchObject({ used: 18 })
    expect(await ledgerErrors()).toEqual([])
  })

  test('on one device are carried out one after the other, in the order they came', async () => {
    const orderId = await customer.order(5)
    const [device] = await devicesOf(1)
    const { deviceId = '' } = device ?? {}
    const pair = { appId: customer.appId, deviceId }
    const { installations } = platform
    const context = platform.contextOf(customer.account)
    const order = { licenseType: 'FULL', whenOffline: 'reject' } as const
    const settled = await Promise.allSettled([
      installations.install(context, pair, order),
      installations.install(context, pair, { ...order, version: '1.0.1' }),
      installations.run(context, pair, { running: 'RUNNING', whenOffline: 'reject' }),
      installations.update(context, { ...pair, appId: 'not.there' }, 'reject'),
      installations.uninstall(context, pair, 'reject'),
      installations.uninstall(context, pair, 'reject'),
      installations.install(context, pair, order),
    ])
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toMatchObject([
      { status: 202, body: { revision: 1, targetVersion: '1.0.2' } },
      { status: 202, body: { revision: 2, targetVersion: '1.0.1' } },
      { status: 202, body: { revision: 3, targetVersion: '1.0.1', desiredRunningState: 'RUNNING' } },
      'not-found',
      { status: 200, body: { revision: 4, installationState: 'NOT_INSTALLED', license: null } },
      { status: 200, body: { revision: 4 } },
      { status: 202, body: { revision: 5, targetVersion: '1.0.2', desiredRunningState: null } },
    ])
    expect(await customer.used(orderId)).toMatchObject({ used: 1 })
    expect(await ledgerErrors()).toEqual([])
  })

  test('are seen with the eyes of their own caller', async () => {
    await customer.order(5)
    const [device] = await devicesOf(1)
    const { deviceId = '' } = device ?? {}
    const { rows } = await sql<{ project_id: string }>`INSERT INTO project (account_id, name)
      SELECT ${customer.accountId}, n FROM unnest('{inside,outside}'::text[]) n RETURNING project_id`.execute(
      platform.db,
    )
    const [inside = '', outside = ''] = rows.map((row) => row.project_id)
    await sql`INSERT INTO project_device (account_id, project_id, device_id) VALUES (${customer.accountId}, ${inside}, ${deviceId})`.execute(
      platform.db,
    )
    const machine = async (projectIds: string[]) => ({
      headers: await platform.ledger.platform.machine(customer.accountId, {
        permissions: ['apps:install'],
        projectIds,
      }),
    })
    const [seeing, blind] = await Promise.all([machine([inside]), machine([outside])])
    const url = customer.installPath(deviceId)
    const body = { licenseType: 'FULL' }
    const answers = await Promise.all(
      [customer.account, blind, seeing, blind, customer.account].map((by) =>
        platform.first({ method: 'PUT', url, body, by }),
      ),
    )
    expect(codes(answers)).toEqual([202, 'not-found', 202, 'not-found', 202])
  })
})

describe('an Idempotency-Key', () => {
  test('is carried out once, however often it comes at once, and every one gets the same answer', async () => {
    const orderId = await customer.order(30)
    const devices = await devicesOf(8)
    const requests = devices.map(({ deviceId }) => install(deviceId, { key: randomUUID() }))
    const answers = await Promise.all([...requests, ...requests, ...requests].map((request) => platform.first(request)))
    for (const [at] of requests.entries()) {
      const own = [answers[at], answers[at + 8], answers[at + 16]].flatMap((answer) => answer ?? [])
      expect(new Set(own.map(({ body }) => JSON.stringify(body))).size).toBe(1)
      expect(own.map(({ status }) => status)).toEqual([202, 202, 202])
      expect(own.filter(({ isReplay }) => isReplay)).toHaveLength(2)
    }
    expect(await customer.used(orderId)).toMatchObject({ used: 8 })
    expect(await ledgerErrors()).toEqual([])
  })

  test('keeps its refusal too, and is refused with another request', async () => {
    const devices = await devicesOf(3)
    const keyed = devices.map(({ deviceId }) => install(deviceId, { key: randomUUID() }))
    const refused = await Promise.all(keyed.map((request) => platform.first(request)))
    expect(codes(refused)).toEqual(['no-free-license', 'no-free-license', 'no-free-license'])
    await customer.order(30)
    const again = await Promise.all(keyed.map((request) => platform.first(request)))
    expect(again.map(({ body, isReplay }) => [body, isReplay])).toEqual(refused.map(({ body }) => [body, true]))
    const other = await Promise.all(
      keyed.map((request) => platform.first({ ...request, body: { licenseType: 'FULL', start: true } })),
    )
    expect(codes(other)).toEqual(Array(3).fill('idempotency-key-reused'))
    expect(await ledgerErrors()).toEqual([])
  })

  test('that another process is at work on is told to come back, and gets the answer then', async () => {
    await customer.order(3)
    const [device] = await devicesOf(1)
    if (!device) throw new Error('There is a device.')
    const keyed = install(device.deviceId, { key: randomUUID() })
    const { early, other } = await platform.whileLocked(device, async () => {
      const early = platform.first(keyed)
      await platform.waiting()
      return { early, other: await platform.second(keyed) }
    })
    expect(codes([other])).toEqual(['idempotency-key-in-use'])
    const answer = await early
    expect(codes([answer])).toEqual([202])
    expect(await platform.second(keyed)).toMatchObject({ status: 202, isReplay: true, body: answer.body })
  })
})
