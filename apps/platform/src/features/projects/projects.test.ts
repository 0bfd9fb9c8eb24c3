import { type Permission, type Project, type ProjectDetail, permissions } from '@ocelli/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountsPlatform, createAccountsPlatform } from '../../../test/accounts-platform.ts'
import type { TestAccount } from '../../../test/test-platform.ts'

let platform: AccountsPlatform
let call: AccountsPlatform['call']
beforeAll(async () => {
  platform = await createAccountsPlatform()
  call = platform.call
})
afterAll(() => platform.close())

const path = '/account/v1/projects'
const withoutManage = permissions.filter((permission) => permission !== 'projects:manage')

async function project(by: TestAccount, name: string): Promise<string> {
  const made = await call<Project>(by, `POST ${path}`, { name })
  expect(made.status).toBe(201)
  return made.body.projectId
}

async function device(accountId: string, deviceId: string): Promise<void> {
  await platform.db
    .insertInto('device')
    .values({ account_id: accountId, device_id: deviceId, state: 'UNCLAIMED' })
    .execute()
}

async function projectsOf(accountId: string, deviceId: string): Promise<string[]> {
  const row = await platform.db
    .selectFrom('device')
    .select('project_ids')
    .where('account_id', '=', accountId)
    .where('device_id', '=', deviceId)
    .executeTakeFirstOrThrow()
  return row.project_ids
}

async function app(accountId: string, visibility: 'PRIVATE' | 'LISTED' = 'PRIVATE'): Promise<string> {
  const appId = `com.example.a${crypto.randomUUID().replaceAll('-', '')}`
  await platform.db
    .insertInto('app')
    .values({ app_id: appId, account_id: accountId, name: 'App', visibility, signer_sha256: 'x' })
    .execute()
  return appId
}

describe('a project', () => {
  test('is created with its maker in it, changed, counted and removed', async () => {
    const maker = await platform.account({ permissions: [...withoutManage] })
    const projectId = await project(maker, 'Gates')
    const one = `${path}/${projectId}`
    expect((await call(maker, `GET ${one}`)).body).toMatchObject({
      name: 'Gates',
      description: '',
      memberCount: 1,
      deviceCount: 0,
      appCount: 0,
      members: [{ userId: maker.userId, email: maker.email }],
    })
    expect((await call(maker, `PATCH ${one}`, { description: 'All gates' })).body).toMatchObject({
      name: 'Gates',
      description: 'All gates',
    })
    await device(maker.accountId, 'D1')
    const appId = await app(maker.accountId)
    for (let twice = 0; twice < 2; twice++) {
      expect((await call(maker, `PUT ${one}/devices/D1`)).status).toBe(204)
      expect((await call(maker, `PUT ${one}/apps/${appId}`)).status).toBe(204)
    }
    expect(await projectsOf(maker.accountId, 'D1')).toEqual([projectId])
    expect((await call(maker, `GET ${path}`)).body).toMatchObject([{ projectId, deviceCount: 1, appCount: 1 }])
    expect((await call(maker, `DELETE ${one}/apps/${appId}`)).status).toBe(204)
    expect((await call(maker, `DELETE ${one}`)).status).toBe(204)
    expect((await call(maker, `GET ${one}`)).status).toBe(404)
    expect(await projectsOf(maker.accountId, 'D1')).toEqual([])
    expect(await platform.events(maker.accountId)).toEqual([
      'project.created',
      'project.changed',
      'device.changed',
      'project.changed',
      'project.changed',
      'project.removed',
    ])
  })

  test('has a name of its own in the account', async () => {
    const maker = await platform.account()
    await project(maker, 'One')
    const two = await project(maker, 'Two')
    expect((await call(maker, `POST ${path}`, { name: 'One' })).body.code).toBe('already-exists')
    expect((await call(maker, `PATCH ${path}/${two}`, { name: 'One' })).body.code).toBe('already-exists')
    expect((await call(maker, `POST ${path}`, { name: '' })).status).toBe(400)
    expect((await call(maker, `PATCH ${path}/${two}`, {})).status).toBe(400)
    expect((await call(maker, `GET ${path}/two`)).status).toBe(400)
    await project(await platform.account(), 'One')
  })

  test('is seen and edited by its members, and by nobody else but those who manage all', async () => {
    const maker = await platform.account({ permissions: [...withoutManage] })
    const { accountId } = maker
    const projectId = await project(maker, 'Gates')
    const one = `${path}/${projectId}`
    const outsider = await platform.user(accountId, ['projects:view', 'projects:edit'])
    const manager = await platform.user(accountId, ['projects:manage'])
    expect((await call(outsider, `GET ${path}`)).body).toEqual([])
    for (const line of [`GET ${one}`, `DELETE ${one}`, `PUT ${one}/members/${outsider.userId}`] as const) {
      expect((await call(outsider, line)).status).toBe(404)
    }
    expect((await call(outsider, `PATCH ${one}`, { name: 'x' })).status).toBe(404)
    expect((await call(manager, `GET ${path}`)).body).toMatchObject([{ projectId }])
    expect((await call(manager, `PATCH ${one}`, { name: 'Managed' })).status).toBe(200)
    expect((await call(maker, `PUT ${one}/members/${outsider.userId}`)).status).toBe(204)
    expect((await call<ProjectDetail>(outsider, `GET ${one}`)).body.members).toHaveLength(2)
    expect((await call(maker, `DELETE ${one}/members/${outsider.userId}`)).status).toBe(204)
    expect((await call(outsider, `GET ${one}`)).status).toBe(404)
    expect((await call(maker, `PUT ${one}/members/${crypto.randomUUID()}`)).status).toBe(404)
    const stranger = await platform.account()
    expect((await call(maker, `PUT ${one}/members/${stranger.userId}`)).status).toBe(404)
    expect((await call(stranger, `GET ${one}`)).status).toBe(404)
    expect((await call(stranger, `DELETE ${one}`)).status).toBe(404)
    expect((await call<ProjectDetail>(manager, `GET ${one}`)).body.memberCount).toBe(1)
  })

  test.each<[Permission[], string[]]>([
    [[], []],
    [['projects:view'], ['GET']],
    [['projects:edit'], ['POST', 'PATCH']],
    [['projects:manage'], ['GET', 'POST', 'PATCH']],
    [
      ['projects:view', 'projects:edit'],
      ['GET', 'POST', 'PATCH'],
    ],
  ])('allows with %j: %j', async (held, allowed) => {
    const maker = await platform.account()
    const user = await platform.user(maker.accountId, held)
    const one = `${path}/${await project(maker, 'Gates')}`
    await call(maker, `PUT ${one}/members/${user.userId}`)
    const answers = {
      GET: await call(user, `GET ${one}`),
      POST: await call(user, `POST ${path}`, { name: 'Mine' }),
      PATCH: await call(user, `PATCH ${one}`, { name: 'Renamed' }),
    }
    const passed = Object.entries(answers).filter(([, { status }]) => status < 300)
    expect(passed.map(([method]) => method)).toEqual(allowed)
    for (const { status, body } of Object.values(answers)) {
      if (status >= 300) expect([status, body.code]).toEqual([403, 'permission-missing'])
    }
    for (const line of [`PUT ${one}/devices/D1`, `DELETE ${one}/devices/D1`] as const) {
      expect((await call(user, line)).body).toMatchObject({ requiredPermission: 'devices:assign' })
    }
    for (const line of [`PUT ${one}/apps/a`, `DELETE ${one}/apps/a`] as const) {
      expect((await call(user, line)).body).toMatchObject({ requiredPermission: 'apps:assign' })
    }
  })
})

describe('devices and apps', () => {
  test('are added to own projects only, and only those that one sees', async () => {
    const manager = await platform.account()
    const { accountId } = manager
    const own = await project(manager, 'Own')
    const other = await project(manager, 'Other')
    const user = await platform.user(accountId, ['devices:assign', 'apps:assign'])
    await call(manager, `PUT ${path}/${own}/members/${user.userId}`)
    await device(accountId, 'Free')
    await device(accountId, 'Taken')
    const [free, taken] = [await app(accountId), await app(accountId)]
    await call(manager, `PUT ${path}/${other}/devices/Taken`)
    await call(manager, `PUT ${path}/${other}/apps/${taken}`)
    expect((await call(user, `PUT ${path}/${own}/devices/Taken`)).status).toBe(404)
    expect((await call(user, `PUT ${path}/${own}/apps/${taken}`)).status).toBe(404)
    expect((await call(user, `PUT ${path}/${other}/devices/Free`)).status).toBe(404)
    expect((await call(user, `DELETE ${path}/${other}/devices/Taken`)).status).toBe(404)
    expect((await call(user, `DELETE ${path}/${other}/apps/${taken}`)).status).toBe(404)
    expect((await call(user, `PUT ${path}/${own}/devices/Free`)).status).toBe(204)
    expect((await call(user, `PUT ${path}/${own}/apps/${free}`)).status).toBe(204)
    expect(await projectsOf(accountId, 'Taken')).toEqual([other])
    expect((await call(user, `DELETE ${path}/${own}/devices/Free`)).status).toBe(204)
    expect(await projectsOf(accountId, 'Free')).toEqual([])
  })

  test('of another account do not exist, but for apps that are listed or that it holds units of', async () => {
    const manager = await platform.account()
    const stranger = await platform.account()
    const own = await project(manager, 'Own')
    await device(stranger.accountId, 'Theirs')
    expect((await call(manager, `PUT ${path}/${own}/devices/Theirs`)).status).toBe(404)
    const hidden = await app(stranger.accountId)
    expect((await call(manager, `PUT ${path}/${own}/apps/${hidden}`)).status).toBe(404)
    const listed = await app(stranger.accountId, 'LISTED')
    expect((await call(manager, `PUT ${path}/${own}/apps/${listed}`)).status).toBe(204)
    await platform.db
      .insertInto('app_order')
      .values({ account_id: manager.accountId, app_id: hidden, license_type: 'FULL', total: 1, state: 'CONFIRMED' })
      .execute()
    expect((await call(manager, `PUT ${path}/${own}/apps/${hidden}`)).status).toBe(204)
  })

  test('go into a project that is removed at the same time either before or not at all', async () => {
    const manager = await platform.account()
    await device(manager.accountId, 'D1')
    for (let round = 0; round < 5; round++) {
      const one = `${path}/${await project(manager, `Round ${round}`)}`
      const [put, removed] = await Promise.all([call(manager, `PUT ${one}/devices/D1`), call(manager, `DELETE ${one}`)])
      expect(removed.status).toBe(204)
      expect([204, 404]).toContain(put.status)
      expect(await projectsOf(manager.accountId, 'D1')).toEqual([])
    }
  })
})
