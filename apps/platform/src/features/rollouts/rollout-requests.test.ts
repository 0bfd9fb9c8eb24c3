import { randomUUID } from 'node:crypto'
import { maxListedDevices, type Rollout, type RolloutDevicePage, type RolloutPage } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { get, installOf, makeFleet, post, type TestFleet } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'

let platform: TestPlatform
let fleet: TestFleet
beforeAll(async () => {
  platform = await createRolloutPlatform()
  fleet = await makeFleet(platform, { devices: 4, units: 100 })
})
afterAll(() => platform?.close())

const ahead = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()

describe('a request that contradicts itself', () => {
  it.each<[string, object, number, string]>([
    ['names no devices', { devices: {} }, 400, '/devices'],
    ['names devices twice', { devices: { deviceIds: ['a'], filter: {} } }, 400, '/devices/filter'],
    ['has an empty list', { devices: { deviceIds: [] } }, 400, '/devices/deviceIds'],
    [
      'has too long a list',
      { devices: { deviceIds: Array.from({ length: maxListedDevices + 1 }, (_, n) => `c${n}`) } },
      400,
      '/devices/deviceIds',
    ],
    ['has an unknown filter', { devices: { filter: { colour: 'red' } } }, 400, '/devices/filter/colour'],
    ['pages its filter', { devices: { filter: { page: 3 } } }, 400, '/devices/filter/page'],
    ['selects nothing', { devices: { filter: { model: 'no such model' } } }, 400, '/devices/filter'],
    [
      'selects nothing in a dry run',
      { dryRun: true, devices: { filter: { model: 'no such model' } } },
      400,
      '/devices/filter',
    ],
    ['keeps a list open', { devices: { deviceIds: ['a'], keepOpen: true } }, 400, '/devices/keepOpen'],
    ['has devices that are not there', { devices: { deviceIds: ['nobody', 'no one'] } }, 404, ''],
    ['has devices that are not there in a dry run', { dryRun: true, devices: { deviceIds: ['nobody'] } }, 404, ''],
    ['has no license type', { licenseType: null }, 400, '/licenseType'],
    ['has a license type too many', { action: 'START' }, 400, '/licenseType'],
    ['has a version too many', { action: 'STOP', licenseType: null, version: '1' }, 400, '/version'],
    ['has an order too many', { action: 'UPDATE', licenseType: null, orderId: randomUUID() }, 400, '/orderId'],
    ['has an unknown order', { orderId: randomUUID() }, 404, ''],
    ['has an unknown version', { version: '9.9.9' }, 404, ''],
    ['has an unknown app', { appId: 'com.example.nothing' }, 404, ''],
    ['has an unknown app to start', { appId: 'com.example.nothing', action: 'START', licenseType: null }, 404, ''],
    ['has an unknown action', { action: 'EXPLODE' }, 400, '/action'],
    ['has an unknown field', { strategy: { speed: 'high' } }, 400, '/strategy/speed'],
    [
      'has waves that fall',
      { strategy: { waves: [{ percent: 50 }, { percent: 20 }, { percent: 100 }] } },
      400,
      '/strategy/waves/1',
    ],
    [
      'has a wave of two measures',
      { strategy: { waves: [{ percent: 5, count: 5 }, { percent: 100 }] } },
      400,
      '/strategy/waves/0',
    ],
    ['has a wave of none', { strategy: { waves: [{}, { percent: 100 }] } }, 400, '/strategy/waves/0'],
    ['has waves that leave devices out', { strategy: { waves: [{ percent: 50 }] } }, 400, '/strategy/waves/0'],
    ['has no wave', { strategy: { waves: [] } }, 400, '/strategy/waves'],
    [
      'has a base rate above the maximum',
      {
        strategy: {
          rate: { maximumPerMinute: 1, exponential: { baseRatePerMinute: 2, incrementFactor: 2, everySucceeded: 1 } },
        },
      },
      400,
      '/strategy/rate',
    ],
    [
      'has more per site than overall',
      { strategy: { maxInFlight: 1, maxInFlightPerSite: 2 } },
      400,
      '/strategy/maxInFlightPerSite',
    ],
    ['tries again on nothing', { strategy: { attempts: 2, retryOn: [] } }, 400, '/strategy/retryOn'],
    [
      'names a category twice',
      { strategy: { retries: [{ on: 'network' }, { on: 'network' }] } },
      400,
      '/strategy/retries',
    ],
    ['aborts by nothing', { strategy: { abort: [{ on: 'FAILED' }] } }, 400, '/strategy/abort/0'],
    [
      'aborts by two measures',
      { strategy: { abort: [{ on: 'FAILED', percent: 1, count: 1 }] } },
      400,
      '/strategy/abort/0',
    ],
    [
      'has steps longer than devices',
      { strategy: { stepTimeoutSeconds: 900, deviceTimeoutSeconds: 60 } },
      400,
      '/strategy/stepTimeoutSeconds',
    ],
    [
      'accepts the price of a rollback and asks for none',
      { strategy: { acceptDataLoss: true } },
      400,
      '/strategy/acceptDataLoss',
    ],
    ['rolls back an install', { strategy: { rollback: 'PREVIOUS_VERSION' } }, 400, '/strategy/rollback'],
    [
      'has a window without length',
      { schedule: { window: { from: '10:00', to: '10:00' } } },
      400,
      '/schedule/window/to',
    ],
    ['has a window of no time', { schedule: { window: { from: '25:00', to: '10:00' } } }, 400, '/schedule/window/from'],
    ['has a deadline that has passed', { schedule: { deadlineAt: ahead(-1) } }, 400, '/schedule/deadlineAt'],
    [
      'has a deadline before its start',
      { schedule: { startAt: ahead(2), deadlineAt: ahead(1) } },
      400,
      '/schedule/deadlineAt',
    ],
  ])('%s', async (_, change, status, pointer) => {
    const answer = await post(platform, fleet.account, { body: { ...installOf(fleet), ...change } })
    expect([answer.status, answer.body.errors?.[0]?.pointer ?? '']).toEqual([status, pointer])
    expect(answer.body.detail.length).toBeGreaterThan(10)
  })

  it('leaves nothing behind', async () => {
    expect((await get<RolloutPage>(platform, fleet.account, '')).items).toEqual([])
    const { rows } = await sql`SELECT 1 FROM rollout_device UNION ALL SELECT 1 FROM license`.execute(platform.db)
    expect(rows).toEqual([])
  })
})

describe('rollouts', () => {
  it('take 20,000 devices by a filter', { timeout: 120_000 }, async () => {
    const many = await makeFleet(platform, { devices: 20_000, sites: 50, units: 20_000 })
    const made = await post(platform, many.account, { body: installOf(many, { requireApproval: true }) })
    expect([made.status, made.body.counters]).toMatchObject([201, { total: 20_000, pending: 20_000 }])
    const { rows } = await sql<{ used: number }>`SELECT used FROM app_order WHERE order_id = ${many.orderId}`.execute(
      platform.db,
    )
    expect(rows).toEqual([{ used: 20_000 }])
    await sql`DELETE FROM rollout WHERE rollout_id = ${made.body.rolloutId}`.execute(platform.db)
  })

  it('page their devices by a cursor, filter them by state, and list themselves newest first', async () => {
    const made: Rollout[] = []
    for (const name of ['one', 'two', 'three']) {
      const { body } = await post(platform, fleet.account, {
        body: installOf(fleet, { name, requireApproval: true, action: 'START', licenseType: null }),
      })
      made.push(body as Rollout)
    }
    const first = await get<RolloutPage>(platform, fleet.account, '?size=2')
    expect(first.items.map(({ name }) => name)).toEqual(['three', 'two'])
    const rest = await get<RolloutPage>(platform, fleet.account, `?size=2&cursor=${first.nextCursor}`)
    expect(rest.items.map(({ name }) => name)).toEqual(['one'])
    expect(rest.nextCursor).toBeNull()
    const id = made[0]?.rolloutId
    const page = await get<RolloutDevicePage>(platform, fleet.account, `${id}/devices?size=3`)
    const last = await get<RolloutDevicePage>(platform, fleet.account, `${id}/devices?size=3&cursor=${page.nextCursor}`)
    expect([...page.items, ...last.items].map(({ deviceId }) => deviceId)).toEqual(
      fleet.devices.map(({ deviceId }) => deviceId),
    )
    expect((await get<RolloutDevicePage>(platform, fleet.account, `${id}/devices?state=FAILED`)).items).toEqual([])
    for (const path of [
      '?cursor=%21',
      '?cursor=AAAA',
      `${id}/devices?cursor=AA`,
      '?size=0',
      '?state=GONE',
      `${id}/devices?size=1001`,
    ]) {
      const url = `/software/v1/rollouts${path.startsWith('?') ? '' : '/'}${path}`
      const answer = await platform.app.inject({ url, headers: fleet.account.headers })
      expect([path, answer.statusCode]).toEqual([path, 400])
    }
  })

  it('show people of a project their own rollouts, and of their devices those of the project', async () => {
    const { db } = platform
    const { accountId } = fleet.account
    const member = await platform.account({ accountId, permissions: ['apps:view', 'apps:install'] })
    const { project_id } = await db
      .insertInto('project')
      .values({ account_id: accountId, name: 'P' })
      .returning('project_id')
      .executeTakeFirstOrThrow()
    await db
      .insertInto('project_device')
      .values({ account_id: accountId, project_id, device_id: fleet.devices[0]?.deviceId ?? '' })
      .execute()
    const { body: all } = await post(platform, fleet.account, {
      body: installOf(fleet, { action: 'START', licenseType: null, requireApproval: true }),
    })
    const answer = await platform.app.inject({ url: `/software/v1/rollouts/${all.rolloutId}`, headers: member.headers })
    expect(answer.statusCode).toBe(404)
    const own = await post(platform, member, {
      body: installOf(fleet, { action: 'START', licenseType: null, requireApproval: true }),
    })
    expect(own.body.counters.total).toBe(3)
    const devices = await get<RolloutDevicePage>(platform, member, `${own.body.rolloutId}/devices`)
    expect(devices.items.map(({ deviceId }) => deviceId)).toEqual(
      fleet.devices.slice(1).map(({ deviceId }) => deviceId),
    )
    await db.deleteFrom('project').where('project_id', '=', project_id).execute()
  })

  it('stream themselves until they are over', async () => {
    const { body } = await post(platform, fleet.account, {
      body: installOf(fleet, { action: 'START', licenseType: null, requireApproval: true }),
    })
    await platform.app.listen({ port: 0, host: '127.0.0.1' })
    const address = platform.app.server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const stream = await fetch(`http://127.0.0.1:${port}/software/v1/rollouts/${body.rolloutId}/stream`, {
      headers: fleet.account.headers,
    })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    await post(platform, fleet.account, { path: `/${body.rolloutId}/abort` })
    await sql`UPDATE rollout_device SET state = 'CANCELLED' WHERE rollout_id = ${body.rolloutId}`.execute(platform.db)
    const text = await stream.text()
    const told = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json ?? '') as Rollout)
    expect(told[0]?.state).toBe('AWAITING_APPROVAL')
    expect(told.at(-1)).toMatchObject({ state: 'ABORTED', counters: { total: 4, cancelled: 4 } })
  })
})
