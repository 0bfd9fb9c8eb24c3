import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { downTopic, type UpMessage, upTopic } from '@ocelli/contract'
import { sql } from 'kysely'
import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ChannelFixture, createChannelFixture, hello } from '../../../test/channel-fixture.ts'
import { claimDevices } from '../claims/claim-service.ts'
import { revokeGateway } from '../gateways/gateway-service.ts'
import { changeSite } from '../sites/site-service.ts'
import { checkBroker } from './broker-check.ts'

vi.setConfig({ testTimeout: 60_000 })
const waitsFor = { timeout: 20_000, interval: 20 }
const facts = { manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1' }
const item = (deviceId: string) => ({
  ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif' as const, address: 'http://192.0.2.1' },
  facts: { ...facts, architecture: null, platformLevel: 30, appFormats: ['apk'] },
})

let fixture: ChannelFixture
let { db, ca, tokens, broker, channel, port, webSocketPort, enroll, open, talk } = {} as ChannelFixture
beforeAll(async () => {
  fixture = await createChannelFixture()
  ;({ db, ca, tokens, broker, channel, port, webSocketPort, enroll, open, talk } = fixture)
})
afterAll(() => fixture.close())

const report = (session: number, deviceId: string, seq: number): UpMessage => ({
  ...{ kind: 'report', session },
  reports: [
    {
      ...{ deviceId, assignment: 1, seq, revision: 0, address: null, facts: null, apps: null, work: [] },
      connectivity: {
        ...{ state: seq % 2 ? 'ONLINE' : 'OFFLINE', reason: null, detail: null, lastAnswerSecondsAgo: 0 },
        ...{ clockOffsetSeconds: null, certificateExpiresAt: null },
      },
    },
  ],
})
const connectivityOf = async (deviceId: string) =>
  (await db.selectFrom('device').select('connectivity').where('device_id', '=', deviceId).executeTakeFirst())
    ?.connectivity

describe('the device channel', () => {
  test('welcomes, takes doubled and reordered reports by their number, and acknowledges them', async () => {
    const gateway = await enroll()
    const deviceId = randomUUID()
    expect(await claimDevices(gateway.context, [item(deviceId)])).toEqual([
      { deviceId, result: 'claimed', assignment: 1 },
    ])
    const { say, hear } = await talk(gateway)
    await say(hello('c1'))
    const welcome = await hear('welcome')
    expect(welcome).toMatchObject({ connectionId: 'c1', assignments: [{ deviceId, assignment: 1, revision: 0 }] })
    expect(welcome.sites).toEqual([
      {
        ...{ siteId: gateway.siteId, number: 1, maxInFlight: 5, isShared: false, repair: 'request', addressRanges: [] },
        ...{ downloadBytesPerSecond: null, uploadBytesPerSecond: null },
      },
    ])
    for (const [index, seq] of [2, 2, 1].entries()) {
      await say(report(welcome.session, deviceId, seq))
      await hear('ack', index + 1)
    }
    expect(await connectivityOf(deviceId)).toBe('OFFLINE')
    await say(report(welcome.session + 1000, deviceId, 5))
    expect(await hear('hello-again')).toEqual({ kind: 'hello-again', session: welcome.session + 1000 })
    await say(report(welcome.session, 'another-one', 1))
    expect(await hear('unassigned')).toMatchObject({ deviceIds: ['another-one'] })
  })

  test('a change of the site reaches a gateway that is connected at once, and again until it confirms', async () => {
    const gateway = await enroll()
    const { say, hear } = await talk(gateway)
    await say({ kind: 'hello', connectionId: 'c7', version: '1', devices: [], confirmsShares: true })
    const { session } = await hear('welcome')
    const { caller } = gateway.context
    const context = { ...gateway.context, caller: { ...caller, kind: 'technical-user' as const } }
    const body = { addressRanges: ['192.0.2.0/24'] }
    const { shares } = await changeSite(context, gateway.siteId, { body, nowMs: Date.now() })
    fixture.channel.tellShares(shares)
    const [told] = (await hear('budgets')).sites
    expect(told).toMatchObject({ ...body, siteId: gateway.siteId, number: 2 })
    await sql`UPDATE site_share SET told_at = now() - interval '6 seconds' WHERE site_id = ${gateway.siteId}`.execute(
      fixture.db,
    )
    expect((await hear('budgets', 2)).sites).toEqual([told])
    const shareInUse = { siteId: gateway.siteId, number: 2, inFlight: 0, waiting: 0 }
    await say({ kind: 'heartbeat', connectionId: 'c7', session, shares: [shareInUse] })
    await vi.waitFor(async () => {
      const row = fixture.db.selectFrom('site_share').select('confirmed_number').where('site_id', '=', gateway.siteId)
      expect(await row.executeTakeFirst()).toEqual({ confirmed_number: 2 })
    }, waitsFor)
  })

  test('another camera at a device’s address is kept as its replacement, told once, and forgotten when it is gone', async () => {
    const gateway = await enroll()
    const deviceId = randomUUID()
    await claimDevices(gateway.context, [item(deviceId)])
    const { say, hear } = await talk(gateway)
    await say(hello('c8'))
    const { session } = await hear('welcome')
    const replacement = {
      ...{ address: 'http://192.0.2.1', deviceId: null, manufacturer: 'M', model: 'Y', serialNumber: '7' },
      ...{ macAddress: null, firmwareVersion: null, runsApps: true },
    }
    const told = (seq: number, found: typeof replacement | null): UpMessage => {
      const message = report(session, deviceId, seq) as Extract<UpMessage, { kind: 'report' }>
      for (const one of message.reports) one.connectivity.replacement = found
      return message
    }
    const stored = async () =>
      (await db.selectFrom('device').select('replacement').where('device_id', '=', deviceId).executeTakeFirstOrThrow())
        .replacement
    for (const [index, seq] of [1, 3].entries()) {
      await say(told(seq, replacement))
      await hear('ack', index + 1)
    }
    expect(await stored()).toEqual(replacement)
    const events = await db
      .selectFrom('event')
      .select('data')
      .where('device_id', '=', deviceId)
      .where('type', '=', 'device.replacement-found')
      .execute()
    expect(events).toEqual([{ data: { replacement } }])
    await say(told(5, null))
    await hear('ack', 3)
    expect(await stored()).toBeNull()
  })

  test('sends what was not answered again though the database’s clock was set back meanwhile', async () => {
    const gateway = await enroll()
    const deviceId = randomUUID()
    await claimDevices(gateway.context, [item(deviceId)])
    const { say, hear } = await talk(gateway)
    await say(hello('c1'))
    await hear('welcome')
    await sql`UPDATE device_channel SET revision = 3, sent_at = NULL WHERE device_id = ${deviceId}`.execute(db)
    channel.wake()
    await hear('desired')
    await sql`UPDATE device_channel SET sent_at = sent_at + interval '1 hour' WHERE device_id = ${deviceId}`.execute(db)
    channel.wake()
    expect(await hear('desired', 2)).toMatchObject({ devices: [{ deviceId }] })
  })

  test('sends a wish soon after the hint, and a gateway that is away is known to be so by its last will', async () => {
    const gateway = await enroll()
    const deviceId = randomUUID()
    await claimDevices(gateway.context, [item(deviceId)])
    const payload = Buffer.from(JSON.stringify({ kind: 'gone', connectionId: 'c2' }))
    const { say, hear, client } = await talk(gateway, {
      will: { topic: upTopic(gateway.gatewayId), payload, qos: 1, retain: false },
    })
    await say(hello('c2'))
    const { session } = await hear('welcome')
    await say(report(session, deviceId, 1))
    await hear('ack')
    await db
      .updateTable('device_channel')
      .set({ revision: 3, sent_at: null })
      .where('device_id', '=', deviceId)
      .execute()
    channel.wake()
    expect(await hear('desired')).toMatchObject({ session, devices: [{ deviceId, revision: 3, apps: [] }] })
    await say({ kind: 'gone', connectionId: 'older' })
    await say({ kind: 'heartbeat', connectionId: 'c2', session })
    await say(report(session, deviceId, 3))
    await hear('ack', 2)
    expect(await connectivityOf(deviceId)).toBe('ONLINE')
    client.stream.destroy()
    await vi.waitFor(async () => expect(await connectivityOf(deviceId)).toBe('UNKNOWN'), waitsFor)
    const { rows } = await sql`SELECT data FROM event
      WHERE device_id = ${deviceId} AND type = 'device.connectivity-changed' ORDER BY event_id`.execute(db)
    const { gatewayId } = gateway
    expect(rows).toEqual([
      { data: { from: 'UNKNOWN', to: 'ONLINE', reason: null, detail: null, gatewayId } },
      { data: { from: 'ONLINE', to: 'UNKNOWN', reason: 'gateway-away', detail: null, gatewayId } },
    ])
  })

  test('takes a gateway that missed three heartbeats for away, and has it say hello when it speaks again', async () => {
    const gateway = await enroll()
    const { say, hear } = await talk(gateway)
    await say(hello('c3'))
    const { session } = await hear('welcome')
    const past = new Date(Date.now() - 91_000).toISOString()
    await db.updateTable('gateway').set({ last_message_at: past }).where('gateway_id', '=', gateway.gatewayId).execute()
    const isConnected = () =>
      db.selectFrom('gateway').select('connected').where('gateway_id', '=', gateway.gatewayId).executeTakeFirst()
    await vi.waitFor(async () => expect(await isConnected()).toEqual({ connected: false }), waitsFor)
    await say({ kind: 'heartbeat', connectionId: 'c3', session })
    expect(await hear('hello-again')).toMatchObject({ session })
  })
})

describe('the broker', () => {
  test('refuses foreign topics, foreign names and revoked gateways', async () => {
    const [one, other] = [await enroll(), await enroll()]
    const spy = await open(one)
    const [grant] = await spy.subscribeAsync(downTopic(other.gatewayId), { qos: 1 }).catch(() => [{ qos: 128 }])
    expect(grant?.qos).toBe(128)
    const closed = new Promise((resolve) => spy.once('close', () => resolve(null)))
    spy.publish(upTopic(other.gatewayId), JSON.stringify(hello('forged')), { qos: 1 })
    await closed
    const forged = await db
      .selectFrom('gateway')
      .select('connected')
      .where('gateway_id', '=', other.gatewayId)
      .executeTakeFirst()
    expect(forged).toEqual({ connected: false })
    await expect(open(one, { clientId: other.gatewayId, username: other.gatewayId })).rejects.toThrow(/Not authorized/)
    const last = await open(other)
    const ended = new Promise((resolve) => last.once('close', () => resolve(null)))
    await revokeGateway(other.context, other.gatewayId, broker)
    await ended
    await expect(open(other)).rejects.toThrow(/Not authorized/)
  })

  test('speaks inside HTTPS with the gateway’s own access token only', async () => {
    const gateway = await enroll()
    const login = (password: string) =>
      connectAsync(`ws://127.0.0.1:${webSocketPort}/mqtt`, {
        ...{
          clientId: gateway.gatewayId,
          username: gateway.gatewayId,
          password,
          protocolVersion: 4,
          reconnectPeriod: 0,
        },
      })
    const client = await login(await tokens.issue({ kind: 'gateway', id: gateway.gatewayId }))
    onTestFinished(() => void client.end(true))
    await client.subscribeAsync(downTopic(gateway.gatewayId), { qos: 1 })
    await expect(login(await tokens.issue({ kind: 'gateway', id: randomUUID() }))).rejects.toThrow(/Not authorized/)
    const machine = await tokens.issue({ kind: 'technical-user', secretNumber: 0, id: gateway.gatewayId })
    await expect(login(machine)).rejects.toThrow()
  })

  test('outlives whoever breaks off an upgrade to another place, and keeps no connection of theirs', async () => {
    const upgrade = 'GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const rude = connect({ port: webSocketPort, host: '127.0.0.1' })
    rude.write(upgrade)
    await once(rude, 'data')
    rude.resetAndDestroy()

    const stubborn = connect({ port: webSocketPort, host: '127.0.0.1', allowHalfOpen: true })
    const letGo = new Promise((resolve) => stubborn.once('close', resolve))
    stubborn.on('error', () => {})
    stubborn.write(upgrade)
    expect(String(await once(stubborn, 'data'))).toMatch(/^HTTP\/1.1 404 /)
    // nobody is there any more who takes it
    const pushing = setInterval(() => stubborn.write('more'), 20)
    await letGo.finally(() => clearInterval(pushing))
  })

  test('is found to let in enrolled gateways only', async () => {
    const findings = await checkBroker({ url: `mqtts://127.0.0.1:${port}`, ca, timeoutMs: 2000 })
    expect(findings.map(({ code, passed }) => [code, passed])).toEqual([['login-own', false]])
  })
})

test('of two accounts that claim a thousand cameras at once, each camera has one', async () => {
  const [one, other] = [await enroll(), await enroll()]
  const items = Array.from({ length: 1000 }, () => item(randomUUID()))
  const results = await Promise.all([
    claimDevices(one.context, items),
    claimDevices(other.context, [...items].reverse()),
  ])
  const won = results.map((all) => new Map(all.map(({ deviceId, result }) => [deviceId, result])))
  for (const { deviceId } of items) {
    expect([won[0]?.get(deviceId), won[1]?.get(deviceId)].sort()).toEqual(['claimed', 'claimed-elsewhere'])
  }
})
