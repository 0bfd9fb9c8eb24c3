import { randomUUID } from 'node:crypto'
import { verifyLicense } from '@ocelli/license'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { type ChannelFixture, createChannelFixture, hello } from '../../../test/channel-fixture.ts'
import { addOrder, publishApp } from '../../../test/installation-fixture.ts'
import { claimDevices } from '../claims/claim-service.ts'
import { issueLicensesForGateways } from '../licenses/issue-license.ts'

vi.setConfig({ testTimeout: 20_000 })

let fixture: ChannelFixture
beforeAll(async () => {
  fixture = await createChannelFixture()
})
afterAll(() => fixture.close())

/** A gateway in session, and a wish for an app on its device whose license is still RESERVED. */
async function wishedFor() {
  const { db } = fixture
  const gateway = await fixture.enroll()
  const { accountId } = gateway.context.caller
  const [deviceId, appId] = [randomUUID(), `com.example.${randomUUID()}`]
  await claimDevices(gateway.context, [
    {
      ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif', address: 'http://192.0.2.1' },
      facts: {
        ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1' },
        ...{ architecture: null, platformLevel: 30, appFormats: ['apk'] },
      },
    },
  ])
  await publishApp(db, { accountId, appId, versions: [1] })
  const pair = { account_id: accountId, app_id: appId, device_id: deviceId }
  const { license_id: licenseId } = await db
    .insertInto('license')
    .values({
      ...pair,
      ...{ license_type: 'FULL', state: 'RESERVED', order_id: await addOrder(db, { accountId, appId, total: 1 }) },
    })
    .returning('license_id')
    .executeTakeFirstOrThrow()
  await db
    .insertInto('installation')
    .values({ ...pair, presence: 'PRESENT', managed: true, license_id: licenseId })
    .execute()
  const spoken = await fixture.talk(gateway)
  await spoken.say(hello('license'))
  const { session } = await spoken.hear('welcome')
  const ask = { kind: 'license-ask' as const, session, deviceId, assignment: 1, appId, licenseId }
  const state = async () =>
    (await db.selectFrom('license').select('state').where('license_id', '=', licenseId).executeTakeFirstOrThrow()).state
  const issued = async () =>
    (
      await db
        .selectFrom('event')
        .select('event_id')
        .where('license_id', '=', licenseId)
        .where('type', '=', 'license.issued')
        .execute()
    ).length
  return { ...spoken, ask, gateway, state, issued, deviceId, appId, licenseId }
}

test('a gateway gets the license file of its wish, which a camera can verify; RESERVED becomes VALID, once', async () => {
  const { say, hear, ask, state, issued, deviceId, appId, licenseId } = await wishedFor()
  await say(ask)
  const answer = await hear('license')
  expect(answer).toMatchObject({ deviceId, appId, licenseId, refused: null })
  const verified = await verifyLicense(answer.license ?? '', {
    ...{ trust: [fixture.keys.root], deviceId, appId, now: new Date() },
  })
  expect(verified).toMatchObject({ valid: true, claims: { jti: licenseId, sub: deviceId, app: appId } })
  expect(await state()).toBe('VALID')

  await say(ask)
  expect((await hear('license', 2)).license).toBe(answer.license)
  expect(await issued()).toBe(1)
})

test('a license goes out with the place where the listing says that the app looks for it', async () => {
  const { say, hear, ask, appId } = await wishedFor()
  const placement = { kind: 'PARAMETER' as const, name: 'License' }
  const license_placement = JSON.stringify(placement)
  await fixture.db.updateTable('app').set({ license_placement }).where('app_id', '=', appId).execute()
  await say(ask)
  expect(await hear('license')).toMatchObject({ license: expect.any(String), placement })
})

test('a gateway of an older assignment, for another device, or without its session gets none', async () => {
  const { say, hear, heard, ask, state, issued } = await wishedFor()
  const other = await wishedFor()
  const asks = [
    { ...ask, assignment: 2 },
    { ...ask, licenseId: other.licenseId },
    { ...ask, deviceId: other.deviceId, appId: other.appId, licenseId: other.licenseId },
  ]
  for (const [at, wrong] of asks.entries()) {
    await say(wrong)
    expect(await hear('license', at + 1)).toMatchObject({ license: null, refused: expect.stringContaining('wished') })
  }
  await say({ ...ask, session: ask.session + 1000 })
  await hear('hello-again')
  expect(heard.filter(({ kind }) => kind === 'license')).toHaveLength(asks.length)
  expect([await state(), await other.state(), await issued()]).toEqual(['RESERVED', 'RESERVED', 0])
})

test('a unit whose license goes out in this very moment is not given back by the failure that comes beside it', async () => {
  const { say, hear, ask, gateway, state, deviceId, appId, licenseId } = await wishedFor()
  const { db, keys } = fixture
  const { gatewayId } = gateway
  const { accountId } = gateway.context.caller
  const pair = { account_id: accountId, device_id: deviceId, app_id: appId }
  await db
    .updateTable('installation')
    .set({
      installation_state: 'INSTALLING',
      settled: false,
      deadline_at: new Date(Date.now() + 600_000).toISOString(),
    })
    .where('license_id', '=', licenseId)
    .execute()
  const issuing = Promise.withResolvers<void>()
  const mayCommit = Promise.withResolvers<void>()
  // issued by another process, whose transaction holds the installation and is not through yet
  const issued = db.transaction().execute(async (transaction) => {
    const [answer] = await issueLicensesForGateways(transaction, keys, [{ ...ask, gatewayId, accountId }])
    issuing.resolve()
    await mayCommit.promise
    return answer
  })
  onTestFinished(() => mayCommit.resolve())
  await issuing.promise
  const error = {
    category: 'timeout' as const,
    code: 'step-timeout',
    detail: 'Late.',
    deviceCode: null,
    retryable: true,
  }
  const work = { revision: 0, phase: 'FAILED' as const, step: 'LICENSE' as const, percent: null, stepSecondsLeft: null }
  await say({
    ...{ kind: 'report', session: ask.session },
    reports: [
      {
        ...{ deviceId, assignment: 1, seq: 1, revision: 0, address: null, facts: null, apps: [] },
        connectivity: {
          ...{ state: 'ONLINE', reason: null, detail: null, lastAnswerSecondsAgo: 0 },
          ...{ clockOffsetSeconds: null, certificateExpiresAt: null },
        },
        work: [{ appId, ...work, error: { ...error, at: '2026-01-01T00:00:00Z' } }],
      },
    ],
  })
  await vi.waitFor(
    async () => {
      const { rows } = await sql`SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(db)
      expect(rows).toHaveLength(1)
    },
    { timeout: 10_000, interval: 20 },
  )
  mayCommit.resolve()
  expect((await issued)?.license).toEqual(expect.any(String))
  await hear('ack')
  const installation = await db
    .selectFrom('installation')
    .select(['installation_state', 'license_id'])
    .where((eb) => eb.and(pair))
    .executeTakeFirstOrThrow()
  expect({ ...installation, license: await state() }).toEqual({
    ...{ installation_state: 'INSTALLATION_FAILED', license_id: licenseId, license: 'VALID' },
  })
})
