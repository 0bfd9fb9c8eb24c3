import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ChannelFixture, createChannelFixture, hello } from '../../../test/channel-fixture.ts'
import { claimDevices } from '../claims/claim-service.ts'
import { beginSessions, type Greeting } from './session-store.ts'

let fixture: ChannelFixture
beforeAll(async () => {
  fixture = await createChannelFixture()
})
afterAll(() => fixture.close())

const facts = { manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1' }
const camera = (deviceId: string) => ({
  ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif' as const, address: 'http://192.0.2.1' },
  facts: { ...facts, architecture: null, platformLevel: 30, appFormats: ['apk'] },
})
const greeting = (gatewayId: string): Greeting => ({
  gatewayId,
  hello: hello(`connection of ${gatewayId}`) as Greeting['hello'],
})

test('gateways that come back together are each welcomed with their own cameras and sites', async () => {
  const { db, enroll } = fixture
  const [one, other, revoked] = [await enroll(), await enroll(), await enroll()]
  const [hers, his] = [randomUUID(), randomUUID()]
  await claimDevices(one.context, [camera(hers)])
  await claimDevices(other.context, [camera(his)])
  await sql`UPDATE gateway SET revoked_at = now() WHERE gateway_id = ${revoked.gatewayId}`.execute(db)

  const all = [one, other, revoked].map(({ gatewayId }) => greeting(gatewayId))
  const { welcomes, others } = await beginSessions(db, all, Date.now())
  expect(others).toEqual([])
  expect([...welcomes.keys()].toSorted()).toEqual([one.gatewayId, other.gatewayId].toSorted())
  for (const [gateway, deviceId] of [[one, hers] as const, [other, his] as const]) {
    expect(welcomes.get(gateway.gatewayId)).toMatchObject({
      connectionId: `connection of ${gateway.gatewayId}`,
      assignments: [{ deviceId, assignment: 1, revision: 0 }],
      sites: [{ siteId: gateway.siteId, maxInFlight: 5 }],
    })
  }
  const sessions = [...welcomes.values()].map(({ session }) => session)
  expect(new Set(sessions).size).toBe(2)

  const again = await beginSessions(db, all, Date.now())
  expect(Math.min(...[...again.welcomes.values()].map(({ session }) => session))).toBeGreaterThan(Math.max(...sessions))
  const { rows } = await sql<{ actor_id: string; session: number }>`
    SELECT actor_id, data ->> 'session' AS session FROM event WHERE type = 'gateway.connected'`.execute(db)
  expect(rows.map((row) => row.actor_id).toSorted()).toEqual([one.gatewayId, other.gatewayId].toSorted())
})

test('a hello that the database cannot take keeps no other gateway out', async () => {
  const { enroll, talk } = fixture
  const gateways = await Promise.all([enroll(), enroll(), enroll()])
  const talks = await Promise.all(gateways.map((gateway) => talk(gateway)))
  const [bad, ...good] = talks
  // the platform's own check of messages lets every text through; jsonb takes no character 0
  await Promise.all([bad?.say(hello('\u0000')), ...good.map(({ say }) => say(hello('c')))])
  await Promise.all(good.map(({ hear }) => hear('welcome')))
  expect(bad?.heard).toEqual([])
  await bad?.say(hello('c'))
  await bad?.hear('welcome')
})

vi.setConfig({ testTimeout: 60_000 })
