import { randomUUID } from 'node:crypto'
import type { CameraLoginBatch, SealingJwk, UpMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ChannelFixture, createChannelFixture, type Enrolled } from '../../../test/channel-fixture.ts'
import type { Context } from '../../platform/http/route.ts'
import { claimDevices } from '../claims/claim-service.ts'
import { revokeGateway } from '../gateways/gateway-service.ts'
import { setRecoveryKey } from '../recovery-key/recovery-key-service.ts'
import { endLogins } from './end-logins.ts'
import { readBatch } from './read-batch.ts'
import { listRecoveryCopies } from './recovery-copies.ts'
import { requestClaims, requestCredentials } from './request-logins.ts'

/*
 * now           | what happens                              | becomes
 * PENDING       | its gateway is connected                  | SENT, at most 32 at a time per gateway
 * SENT          | no result for 10 s, 20 s ... 5 min        | SENT, said again
 * SENT          | the gateway begins another session        | SENT, said again at once
 * PENDING, SENT | a result without error of its gateway     | CLAIMED or CHANGED; the sealed text goes, the recovery copy stays
 * PENDING, SENT | a result with an error of its gateway     | FAILED; every sealed text goes
 * PENDING, SENT | a day passes, or the gateway is revoked   | FAILED; every sealed text goes
 * ended         | any result                                | nothing changes
 * any           | a result of another gateway               | nothing changes
 */

vi.setConfig({ testTimeout: 20_000 })
const sealingKey: SealingJwk = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }
const sealed = 'head..iv.text.tag'
const forRecovery = 'head..iv.copy.tag'

let fixture: ChannelFixture
let { db, enroll, talk } = {} as ChannelFixture
beforeAll(async () => {
  fixture = await createChannelFixture()
  ;({ db, enroll, talk } = fixture)
})
afterAll(() => fixture.close())

const operatorOf = (gateway: Enrolled): Context => ({
  ...gateway.context,
  caller: { ...gateway.context.caller, kind: 'user', id: randomUUID() },
})
const hello = (connectionId: string): UpMessage => ({
  ...{ kind: 'hello', connectionId, version: '1', devices: [], sealingKey },
})
const connect = async (gateway: Enrolled) => {
  const conversation = await talk(gateway)
  await conversation.say(hello('c1'))
  return { ...conversation, session: (await conversation.hear('welcome')).session }
}
const claimed = (gateway: Enrolled, deviceId: string) =>
  claimDevices(gateway.context, [
    {
      ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif', address: 'http://192.0.2.1' },
      facts: {
        ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1' },
        ...{ architecture: null, platformLevel: 30, appFormats: ['apk'] },
      },
    },
  ])
const settled = (context: Context, { gatewayId, batchId, kind }: CameraLoginBatch) =>
  vi.waitFor(
    async () => {
      const batch = await readBatch(context, { gatewayId, batchId, kind })
      if (!batch.settled) throw new Error(JSON.stringify(batch.counters))
      return batch
    },
    { timeout: 15_000, interval: 20 },
  )
const keptTexts = async (batchId: string) =>
  (
    await sql<{ text: string }>`SELECT concat(sealed, sealed_for_recovery) AS text FROM camera_login
      WHERE batch_id = ${batchId} ORDER BY position`.execute(db)
  ).rows.map(({ text }) => text)
const eventsOf = async ({ context }: Enrolled) =>
  (
    await db
      .selectFrom('event')
      .select('type')
      .where('account_id', '=', context.caller.accountId)
      .where((where) => where.or([where('type', 'like', 'device.%')]))
      .orderBy('event_id')
      .execute()
  ).map(({ type }) => type)

describe('sealed logins of cameras', () => {
  test('go to their gateway, and what came of each ends it: sealed texts go, copies and labels stay', async () => {
    const gateway = await enroll()
    const operator = operatorOf(gateway)
    const { gatewayId } = gateway
    const { say, hear, session } = await connect(gateway)
    const batch = await requestClaims(operator, gatewayId, [
      { address: '192.0.2.1', customer: 'Riga', tags: ['a'], sealed, sealedForRecovery: forRecovery },
      { address: '192.0.2.2', sealed, sealedForRecovery: forRecovery },
    ])
    expect(batch).toMatchObject({ settled: false, counters: { total: 2, pending: 2 } })
    const { logins } = await hear('camera-logins')
    expect(logins).toMatchObject([
      { sealed, for: { kind: 'claim', address: '192.0.2.1', name: null, siteId: null } },
      { sealed, for: { kind: 'claim', address: '192.0.2.2' } },
    ])
    const deviceId = randomUUID()
    await claimed(gateway, deviceId)
    const [first, second] = batch.items.map(({ loginId }) => loginId)
    const error = { category: 'credentials-refused' as const, code: 'credentials-refused', detail: 'Refused.' }
    const results = [
      { loginId: first ?? '', deviceId, error: null },
      { loginId: second ?? '', deviceId: null, error },
    ]
    await say({ kind: 'camera-results', session, results })
    const after = await settled(operator, batch)
    expect(after.items).toMatchObject([
      { state: 'CLAIMED', deviceId, error: null },
      { state: 'FAILED', deviceId: null, error },
    ])
    expect(await keptTexts(batch.batchId)).toEqual(['', ''])
    expect((await listRecoveryCopies(operator, gatewayId, '')).items).toMatchObject([
      { deviceId, place: '192.0.2.1', sealed: forRecovery },
    ])
    const device = await db.selectFrom('device').selectAll().where('device_id', '=', deviceId).executeTakeFirst()
    expect(device).toMatchObject({ customer: 'Riga', tags: ['a'] })
    // doubled, and turned round: what has ended stays as it is
    await say({ kind: 'camera-results', session, results: [{ loginId: first ?? '', deviceId: null, error }] })
    await say({ kind: 'heartbeat', connectionId: 'c1', session: session + 1000 })
    await hear('hello-again')
    expect(await readBatch(operator, batch)).toEqual(after)
    expect(await eventsOf(gateway)).toEqual([
      'device.claims-requested',
      'device.claimed',
      'device.changed',
      'device.claim-failed',
    ])
  })

  test('are said again to each new session, and never to or by another gateway', async () => {
    const [gateway, other] = [await enroll(), await enroll()]
    const { say, hear } = await connect(gateway)
    const stranger = await connect(other)
    const operator = operatorOf(gateway)
    const batch = await requestClaims(operator, gateway.gatewayId, [{ address: '192.0.2.1', sealed }])
    const [item] = batch.items
    await hear('camera-logins')
    await stranger.say({
      ...{ kind: 'camera-results', session: stranger.session },
      results: [{ loginId: item?.loginId ?? '', deviceId: 'STOLEN', error: null }],
    })
    await say(hello('c2'))
    const again = await hear('camera-logins', 2)
    expect(again.logins.map(({ loginId }) => loginId)).toEqual([item?.loginId])
    expect(stranger.heard.map(({ kind }) => kind)).not.toContain('camera-logins')
    expect(await readBatch(operator, batch)).toMatchObject({ counters: { sent: 1 }, items: [{ deviceId: null }] })
    await expect(readBatch(operatorOf(other), batch)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('go 32 at a time, the next when results come', async () => {
    const gateway = await enroll()
    const { say, hear, heard, session } = await connect(gateway)
    const cameras = Array.from({ length: 40 }, (_, index) => ({ address: `192.0.2.${index + 1}`, sealed }))
    const batch = await requestClaims(operatorOf(gateway), gateway.gatewayId, cameras)
    const { logins } = await hear('camera-logins')
    expect(logins).toHaveLength(32)
    expect(heard.filter(({ kind }) => kind === 'camera-logins')).toHaveLength(1)
    const error = { category: 'timeout' as const, code: 'timeout', detail: 'No answer.' }
    const results = logins.map(({ loginId }) => ({ loginId, deviceId: null, error }))
    await say({ kind: 'camera-results', session, results })
    const next = await hear('camera-logins', 2)
    expect(next.logins).toHaveLength(8)
    expect(await readBatch(operatorOf(gateway), batch)).toMatchObject({ counters: { failed: 32, sent: 8, pending: 0 } })
  })

  test('of other credentials are for cameras of this gateway only, and tell what came of it', async () => {
    const gateway = await enroll()
    const { say, hear, session } = await connect(gateway)
    const operator = operatorOf(gateway)
    const { gatewayId } = gateway
    const deviceId = randomUUID()
    await expect(requestCredentials(operator, gatewayId, [{ deviceId, sealed }])).rejects.toMatchObject({
      code: 'not-found',
    })
    await claimed(gateway, deviceId)
    const batch = await requestCredentials(operator, gatewayId, [{ deviceId, sealed }])
    const { logins } = await hear('camera-logins')
    expect(logins).toMatchObject([{ for: { kind: 'credentials', deviceId } }])
    const loginId = logins[0]?.loginId ?? ''
    await say({ kind: 'camera-results', session, results: [{ loginId, deviceId, error: null }] })
    expect((await settled(operator, batch)).items).toMatchObject([{ state: 'CHANGED', deviceId }])
    expect(await eventsOf(gateway)).toContain('device.credentials-changed')
  })

  test('end when their gateway is revoked or a day has passed, and hold no sealed text then', async () => {
    const gateway = await enroll()
    const { client } = await connect(gateway)
    await client.endAsync()
    await vi.waitFor(async () => {
      const row = await db
        .selectFrom('gateway')
        .select('sealing_key')
        .where('gateway_id', '=', gateway.gatewayId)
        .executeTakeFirst()
      expect(row?.sealing_key).toEqual(sealingKey)
    }, 15_000)
    const operator = operatorOf(gateway)
    const request = (address: string) =>
      requestClaims(operator, gateway.gatewayId, [{ address, sealed, sealedForRecovery: forRecovery }])
    const late = await request('192.0.2.1')
    await sql`UPDATE camera_login SET expires_at = now() - interval '1 second' WHERE batch_id = ${late.batchId}`.execute(
      db,
    )
    const left = await request('192.0.2.2')
    await endLogins(db)
    expect(await readBatch(operator, late)).toMatchObject({
      settled: true,
      items: [{ error: { code: 'gateway-away' } }],
    })
    expect(await readBatch(operator, left)).toMatchObject({ settled: false })
    await revokeGateway(operator, gateway.gatewayId, { disconnect: () => undefined })
    await endLogins(db)
    expect(await readBatch(operator, left)).toMatchObject({ items: [{ error: { code: 'gateway-revoked' } }] })
    expect([...(await keptTexts(late.batchId)), ...(await keptTexts(left.batchId))]).toEqual(['', ''])
    await expect(request('192.0.2.3')).rejects.toMatchObject({ code: 'state-conflict' })
  })

  test('are refused for a gateway without a key, for two of one camera, and for a site of nobody', async () => {
    const gateway = await enroll()
    const operator = operatorOf(gateway)
    const claims = (...cameras: Parameters<typeof requestClaims>[2]) =>
      requestClaims(operator, gateway.gatewayId, cameras)
    await expect(claims({ address: '192.0.2.1', sealed })).rejects.toMatchObject({ code: 'state-conflict' })
    await connect(gateway)
    const twice = claims({ address: 'cam', sealed }, { address: 'CAM', sealed })
    await expect(twice).rejects.toMatchObject({ code: 'invalid-request' })
    const siteId = (await enroll()).siteId
    await expect(claims({ address: 'cam', sealed, siteId })).rejects.toMatchObject({ code: 'not-found' })
    await expect(requestClaims(operatorOf(await enroll()), gateway.gatewayId, [])).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  test('a recovery key is set once, told in an event, and a private one is refused', async () => {
    const operator = operatorOf(await enroll())
    const set = await setRecoveryKey(operator, sealingKey)
    expect(set.publicKey).toEqual(sealingKey)
    expect(await setRecoveryKey(operator, sealingKey)).toEqual(set)
    const privateKey = { ...sealingKey, d: 'secret' } as SealingJwk
    await expect(setRecoveryKey(operator, privateKey)).rejects.toMatchObject({ code: 'key-invalid' })
    const { rows } = await sql`SELECT 1 FROM event WHERE account_id = ${operator.caller.accountId}
      AND type = 'account.changed'`.execute(db)
    expect(rows).toHaveLength(1)
    expect((await setRecoveryKey(operator, null)).publicKey).toBeNull()
  })
})
