import { randomUUID } from 'node:crypto'
import type { EnrollmentToken } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateRequest } from '../../../test/certificate-request.ts'
import {
  type Asker,
  cameraToClaim,
  createGatewayBench,
  type GatewayBench,
  newKey,
} from '../../../test/gateway-fixture.ts'

let bench: GatewayBench
beforeAll(async () => {
  bench = await createGatewayBench()
})
afterAll(() => bench?.platform.close())

/** A gateway that holds two devices and has died, and what its owner does about it. */
async function deadGateway() {
  const { platform, secretOf, newSite, newSecret, enroll, asGateway, claim } = bench
  const owner = await platform.account()
  const siteId = await newSite(owner)
  const enrollIn = async (body: object) => (await enroll(body)).body
  const old = await enrollIn({ secret: await newSecret(owner, siteId) })
  const deviceIds = [randomUUID(), randomUUID()].sort()
  const claimed = await claim(await asGateway(old.gatewayId), ...deviceIds.map((deviceId) => cameraToClaim(deviceId)))
  expect(claimed.status).toBe(200)
  const devices = async () =>
    await platform.db
      .selectFrom('device as d')
      .innerJoin('device_channel as c', (join) =>
        join.onRef('c.account_id', '=', 'd.account_id').onRef('c.device_id', '=', 'd.device_id'),
      )
      // the channel's own gateway: what is to be sent is found by it
      .select(['d.device_id', 'c.gateway_id', 'd.assignment', 'c.revision', 'd.site_id'])
      .where('d.account_id', '=', owner.accountId)
      .orderBy('d.device_id')
      .execute()
  const tokenFor = (by: Asker, gatewayId: string) =>
    platform.call<EnrollmentToken>(by, `POST /device/v1/gateways/${gatewayId}/replacement-tokens`)
  const secretFor = async (gatewayId: string) =>
    secretOf((await tokenFor(owner, gatewayId)).body.token, { siteId, replaces: gatewayId })
  return { owner, siteId, old, deviceIds, devices, enrollIn, tokenFor, secretFor }
}

describe('a machine that takes the place of a gateway', () => {
  test('gets all its devices with a higher assignment, and the old one is revoked', async () => {
    const { platform, disconnected, enroll } = bench
    const { owner, siteId, old, deviceIds, devices, enrollIn, secretFor } = await deadGateway()
    const [before] = await devices()
    const secret = await secretFor(old.gatewayId)

    const { gatewayId } = await enrollIn({ secret })

    expect(gatewayId).not.toBe(old.gatewayId)
    expect(await devices()).toEqual(
      deviceIds.map((device_id) => ({
        ...{ device_id, gateway_id: gatewayId, site_id: siteId },
        ...{ assignment: (before?.assignment ?? 0) + 1, revision: (before?.revision ?? 0) + 1 },
      })),
    )
    expect(disconnected).toContain(old.gatewayId)
    const { body } = await platform.call(owner, `GET /device/v1/gateways/${old.gatewayId}`)
    expect(body).toMatchObject({ deviceCount: 0, revokedAt: expect.any(String) })
    const told = await platform.db
      .selectFrom('event')
      .select(['type', 'device_id'])
      .where('account_id', '=', owner.accountId)
      .where('type', 'in', ['device.moved', 'gateway.revoked'])
      .execute()
    expect(told.map(({ type }) => type).sort()).toEqual(['device.moved', 'device.moved', 'gateway.revoked'])
    expect((await enroll({ secret })).status).toBe(401)
  })

  test('may come after the old one was revoked, and an ordinary token takes nothing over', async () => {
    const { platform, newSecret } = bench
    const { owner, siteId, old, devices, enrollIn, secretFor } = await deadGateway()
    await enrollIn({ secret: await newSecret(owner, siteId), gatewayId: old.gatewayId })
    expect((await devices()).every(({ gateway_id }) => gateway_id === old.gatewayId)).toBe(true)
    await platform.call(owner, `DELETE /device/v1/gateways/${old.gatewayId}`)
    const { gatewayId } = await enrollIn({ secret: await secretFor(old.gatewayId) })
    expect((await devices()).every(({ gateway_id }) => gateway_id === gatewayId)).toBe(true)
  })

  test('is let in by those alone who may change devices of that account', async () => {
    const { platform } = bench
    const { owner, old, tokenFor } = await deadGateway()
    expect((await tokenFor(await platform.account(), old.gatewayId)).status).toBe(404)
    const viewer = await platform.account({ permissions: ['devices:view'], accountId: owner.accountId })
    expect((await tokenFor(viewer, old.gatewayId)).status).toBe(403)
  })

  test('is not the folder of the old one itself', async () => {
    const { newSecret, enroll } = bench
    const { owner, siteId, secretFor, devices } = await deadGateway()
    const key = newKey()
    const csr = certificateRequest(key)
    const { body: self } = await enroll({ csr, secret: await newSecret(owner, siteId) })
    const secret = await secretFor(self.gatewayId)
    const refused = await enroll({ csr, secret, gatewayId: self.gatewayId })
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('ordinary token') } })
    // The token was not used up by what failed.
    expect((await enroll({ secret })).status).toBe(201)
    expect(await devices()).toHaveLength(2)
  })
})

test('a device that is hidden while its gateway is taken away, or replaced, is seen by the decision', async () => {
  const { platform } = bench
  const { db } = platform
  const { owner, old, deviceIds, tokenFor } = await deadGateway()
  const { accountId } = owner
  const outsider = await platform.user(accountId, ['devices:view', 'devices:edit'])
  const { project_id } = await db
    .insertInto('project')
    .values({ account_id: accountId, name: 'Vault' })
    .returning('project_id')
    .executeTakeFirstOrThrow()
  const hidden = { account_id: accountId, project_id, device_id: deviceIds[0] ?? '' }
  const waiting = async () => {
    const { rows } = await sql`SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db)
    return rows.length
  }
  const { answers } = await db.transaction().execute(async (transaction) => {
    await transaction.insertInto('project_device').values(hidden).execute()
    const answers = Promise.all([
      tokenFor(outsider, old.gatewayId),
      platform.call(outsider, `DELETE /device/v1/gateways/${old.gatewayId}`),
    ])
    await expect.poll(waiting, { timeout: 15_000 }).toBe(2)
    return { answers }
  })
  expect((await answers).map(({ status }) => status)).toEqual([403, 403])
})

test('nobody takes a gateway away, or its place, who does not see all of its devices', async () => {
  const { platform } = bench
  const { owner, old, deviceIds, tokenFor } = await deadGateway()
  const { accountId } = owner
  const outsider = await platform.user(accountId, ['devices:view', 'devices:edit'])
  const { project_id } = await platform.db
    .insertInto('project')
    .values({ account_id: accountId, name: 'Vault' })
    .returning('project_id')
    .executeTakeFirstOrThrow()
  const hidden = { account_id: accountId, project_id, device_id: deviceIds[0] ?? '' }
  await platform.db.insertInto('project_device').values(hidden).execute()
  const refused = { status: 403, body: { requiredPermission: 'projects:manage' } }
  expect(await tokenFor(outsider, old.gatewayId)).toMatchObject(refused)
  expect(await platform.call(outsider, `DELETE /device/v1/gateways/${old.gatewayId}`)).toMatchObject(refused)
  await platform.db
    .insertInto('project_member')
    .values({ account_id: accountId, project_id, user_id: outsider.userId })
    .execute()
  platform.bearer.forget()
  expect((await tokenFor(outsider, old.gatewayId)).status).toBe(201)
  expect((await platform.call(outsider, `DELETE /device/v1/gateways/${old.gatewayId}`)).status).toBe(204)
})
