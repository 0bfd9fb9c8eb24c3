import { randomUUID } from 'node:crypto'
import type { CameraLoginBatch, CameraResults, SealingJwk, UpMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ChannelFixture, createChannelFixture, type Enrolled } from '../../../test/channel-fixture.ts'
import type { Context } from '../../platform/http/route.ts'
import { claimDevices } from '../claims/claim-service.ts'
import { revokeGateway } from '../gateways/gateway-service.ts'
import { endLogins } from './end-logins.ts'
import { readBatch } from './read-batch.ts'
import { listRecoveryCopies } from './recovery-copies.ts'
import { requestClaims, requestCredentials, requestPasswords } from './request-logins.ts'
import { sendLogins } from './send-logins.ts'
import { takeResults } from './take-results.ts'

/*
 * Of new passwords, beside the table of camera-logins.test.ts:
 *
 * now           | what happens                                   | becomes
 * PENDING       | a day passes, or the gateway is revoked        | FAILED; nobody was told the password
 * SENT          | the same                                       | UNKNOWN; sealed text and copy stay
 * PENDING, SENT | a result in doubt                              | UNKNOWN; sealed text and copy stay
 * UNKNOWN       | a new session of the gateway, 5 minutes        | UNKNOWN, asked after
 * UNKNOWN       | a result without error                         | CHANGED; the copy takes the place of the one before
 * UNKNOWN       | a result with an error                         | FAILED; the copy before stays
 * UNKNOWN       | another login is proved on the device          | FAILED, `overtaken`
 * UNKNOWN       | the device is given free                       | FAILED, `device-unclaimed`
 * open          | another new password for the device            | refused
 */

vi.setConfig({ testTimeout: 20_000 })
const sealingKey: SealingJwk = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }
const sealed = 'head..iv.text.tag'
const forRecovery = 'head..iv.new-copy.tag'
const doubt = { category: 'timeout' as const, code: 'timeout', detail: 'No answer came.' }

let fixture: ChannelFixture
let { db, enroll, talk } = {} as ChannelFixture
beforeAll(async () => {
  fixture = await createChannelFixture()
  ;({ db, enroll, talk } = fixture)
})
afterAll(() => fixture.close())

const hello = (connectionId: string, setsPasswords?: boolean): UpMessage => ({
  ...{ kind: 'hello', connectionId, version: '1', devices: [], sealingKey, setsPasswords },
})

/** A gateway that is connected, with one device whose login has a recovery copy. */
async function start({ setsPasswords = true }: { setsPasswords?: boolean } = {}) {
  const gateway = await enroll()
  const { gatewayId } = gateway
  const conversation = await talk(gateway)
  await conversation.say(hello('c1', setsPasswords))
  const { session } = await conversation.hear('welcome')
  const operator: Context = {
    ...gateway.context,
    caller: { ...gateway.context.caller, kind: 'user', id: randomUUID() },
  }
  const deviceId = randomUUID()
  await claim(gateway, deviceId)
  const old = await requestCredentials(operator, gatewayId, [
    { deviceId, sealed, sealedForRecovery: 'head..iv.old-copy.tag' },
  ])
  await tell(gateway, old, { error: null })
  const set = () => requestPasswords(operator, gatewayId, [{ deviceId, sealed, sealedForRecovery: forRecovery }])
  const copies = async () =>
    (await listRecoveryCopies(operator, gatewayId, '')).items.map((copy) => [copy.isProved, copy.sealed])
  return { ...conversation, gateway, gatewayId, session, operator, deviceId, set, copies }
}

const claim = (gateway: Enrolled, deviceId: string) =>
  claimDevices(gateway.context, [
    {
      ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif', address: 'http://192.0.2.1' },
      facts: {
        ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1' },
        ...{ architecture: null, platformLevel: 30, appFormats: ['apk'] },
      },
    },
  ])

async function tell(
  { gatewayId, context }: Enrolled,
  { items }: CameraLoginBatch,
  result: Pick<CameraResults['results'][number], 'error' | 'isUnknown'>,
): Promise<void> {
  const [item] = items
  const said = { loginId: item?.loginId ?? '', deviceId: item?.deviceId ?? null, ...result }
  await takeResults(db, { gatewayId, accountId: context.caller.accountId }, [said])
}

const stateOf = async (operator: Context, batch: CameraLoginBatch) => {
  const { items, settled } = await readBatch(operator, batch)
  return [items[0]?.state, items[0]?.error?.code ?? null, settled]
}
const eventsOf = async ({ context }: Enrolled) =>
  (
    await sql<{ type: string }>`SELECT type FROM event WHERE account_id = ${context.caller.accountId}
      AND type LIKE 'device.password-%' ORDER BY event_id`.execute(db)
  ).rows.map(({ type }) => type)
const daysPass = ({ batchId }: CameraLoginBatch) =>
  sql`UPDATE camera_login SET expires_at = now() - interval '1 second' WHERE batch_id = ${batchId}`.execute(db)

describe('new passwords for cameras', () => {
  test('go to the gateway with their own purpose, and take the place of the copy before when they count', async () => {
    const { gateway, operator, deviceId, set, hear, copies } = await start()
    const batch = await set()
    expect((await hear('camera-logins')).logins).toMatchObject([{ sealed, for: { kind: 'password', deviceId } }])
    expect(await copies()).toEqual([
      [true, 'head..iv.old-copy.tag'],
      [false, forRecovery],
    ])
    await tell(gateway, batch, { error: null })
    expect(await stateOf(operator, batch)).toEqual(['CHANGED', null, true])
    expect(await copies()).toEqual([[true, forRecovery]])
    expect(await eventsOf(gateway)).toEqual(['device.password-requested', 'device.password-changed'])
  })

  test('in doubt keep both copies, are asked after again, and are told when it is known', async () => {
    const { gateway, gatewayId, operator, set, hear, say, copies } = await start()
    const batch = await set()
    await hear('camera-logins')
    for (const _ of [1, 2]) await tell(gateway, batch, { error: doubt, isUnknown: true })
    expect(await stateOf(operator, batch)).toEqual(['UNKNOWN', 'timeout', false])
    expect(await copies()).toHaveLength(2)
    await say(hello('c2', true))
    expect((await hear('camera-logins', 2)).logins).toMatchObject([{ loginId: batch.items[0]?.loginId, sealed }])
    const sent: string[] = []
    await sendLogins(db, (id) => void sent.push(id))
    expect(sent).not.toContain(gatewayId)
    await sql`UPDATE camera_login SET sent_at = now() - interval '6 minutes' WHERE batch_id = ${batch.batchId}`.execute(
      db,
    )
    await sendLogins(db, (id) => void sent.push(id))
    expect(sent).toContain(gatewayId)
    expect(await stateOf(operator, batch)).toEqual(['UNKNOWN', 'timeout', false])
    await tell(gateway, batch, { error: null })
    await tell(gateway, batch, { error: doubt })
    expect(await stateOf(operator, batch)).toEqual(['CHANGED', null, true])
    expect(await copies()).toEqual([[true, forRecovery]])
    const types = ['requested', 'unknown', 'changed'].map((word) => `device.password-${word}`)
    expect(await eventsOf(gateway)).toEqual(types)
  })

  test('that were not set leave the copy before', async () => {
    const { gateway, operator, set, copies } = await start()
    const batch = await set()
    await tell(gateway, batch, { error: doubt, isUnknown: true })
    await tell(gateway, batch, { error: { ...doubt, code: 'password-not-set' } })
    expect(await stateOf(operator, batch)).toEqual(['FAILED', 'password-not-set', true])
    expect(await copies()).toEqual([[true, 'head..iv.old-copy.tag']])
  })

  test('are one at a time for a device, also of two requests at once', async () => {
    const { gateway, operator, set } = await start()
    const both = await Promise.allSettled([set(), set()])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refusal = both.find((one) => one.status === 'rejected')
    expect(refusal?.reason).toMatchObject({ code: 'state-conflict' })
    const batch = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))[0] as CameraLoginBatch
    await tell(gateway, batch, { error: doubt, isUnknown: true })
    await expect(set()).rejects.toMatchObject({ code: 'state-conflict', message: expect.stringContaining('already') })
    await tell(gateway, batch, { error: doubt })
    expect(await stateOf(operator, await set())).toEqual([expect.stringMatching(/PENDING|SENT/), null, false])
  })

  test('that were sent to a gateway that is lost stay in doubt with their copy; those that were not have failed', async () => {
    const { gateway, gatewayId, operator, set, copies, deviceId } = await start()
    const sent = await set()
    // a message about the login before may have come too: what counts is what is written
    const stateInRow = async () =>
      (await sql<{ state: string }>`SELECT state FROM camera_login WHERE batch_id = ${sent.batchId}`.execute(db)).rows
    await expect.poll(stateInRow, { timeout: 20_000 }).toEqual([{ state: 'SENT' }])
    await daysPass(sent)
    await endLogins(db)
    expect(await stateOf(operator, sent)).toEqual(['UNKNOWN', 'gateway-away', false])
    expect(await copies()).toHaveLength(2)
    await revokeGateway(operator, gatewayId, { disconnect: () => undefined })
    await endLogins(db)
    expect(await stateOf(operator, sent)).toEqual(['UNKNOWN', 'gateway-away', false])
    await sql`UPDATE camera_login SET state = 'PENDING', error = NULL WHERE batch_id = ${sent.batchId}`.execute(db)
    await endLogins(db)
    expect(await stateOf(operator, sent)).toEqual(['FAILED', 'gateway-revoked', true])
    expect(await eventsOf(gateway)).toContain('device.password-unknown')
    expect(deviceId).toBeDefined()
  })

  test('in doubt end when another login is proved on the camera, and when it is given free', async () => {
    const { gateway, gatewayId, operator, set, deviceId, copies } = await start()
    const first = await set()
    await tell(gateway, first, { error: doubt, isUnknown: true })
    const copy = 'head..iv.third-copy.tag'
    const claimed = await requestClaims(operator, gatewayId, [
      { address: '192.0.2.1', sealed, sealedForRecovery: copy },
    ])
    const result = { loginId: claimed.items[0]?.loginId ?? '', deviceId, error: null }
    await takeResults(db, { gatewayId, accountId: operator.caller.accountId }, [result])
    expect(await stateOf(operator, first)).toEqual(['FAILED', 'overtaken', true])
    expect(await copies()).toEqual([[true, copy]])
    const second = await set()
    await tell(gateway, second, { error: doubt, isUnknown: true })
    await sql`UPDATE device SET state = 'UNCLAIMED', gateway_id = NULL, site_id = NULL WHERE device_id = ${deviceId}`.execute(
      db,
    )
    await endLogins(db)
    expect(await stateOf(operator, second)).toEqual(['FAILED', 'device-unclaimed', true])
  })

  test('stay in doubt when the device has gone to another gateway, which does not know what was sent', async () => {
    const { gateway, operator, set, deviceId } = await start()
    const batch = await set()
    await sql`WITH next AS (
        INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at)
        SELECT account_id, site_id, 'next', public_key, gen_random_uuid()::text, certificate_expires_at FROM gateway
        WHERE gateway_id = ${gateway.gatewayId} RETURNING gateway_id)
      UPDATE device SET gateway_id = next.gateway_id FROM next WHERE device_id = ${deviceId}`.execute(db)
    await tell(gateway, batch, { error: { ...doubt, code: 'not-found' } })
    expect(await stateOf(operator, batch)).toEqual(['UNKNOWN', 'not-found', false])
  })

  test('are not asked of a gateway that cannot set them', async () => {
    const { set } = await start({ setsPasswords: false })
    await expect(set()).rejects.toMatchObject({
      code: 'state-conflict',
      message: expect.stringContaining('present version'),
    })
  })
})
