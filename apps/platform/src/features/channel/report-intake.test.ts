import { randomUUID } from 'node:crypto'
import { type DeviceFacts, type DeviceReport, upTopic } from '@ocelli/contract'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ChannelFixture, createChannelFixture, type Enrolled, hello } from '../../../test/channel-fixture.ts'
import { claimDevices } from '../claims/claim-service.ts'
import { createReportIntake } from './report-intake.ts'

vi.setConfig({ testTimeout: 20_000 })

let fixture: ChannelFixture
beforeAll(async () => {
  fixture = await createChannelFixture()
})
afterAll(() => fixture.close())

const facts: DeviceFacts = {
  ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1' },
  ...{ architecture: null, platformLevel: 30, appFormats: ['apk'] },
}

async function claim(gateway: Enrolled): Promise<string> {
  const deviceId = randomUUID()
  const source = { identitySource: 'onvif:GetDeviceId', driver: 'onvif', address: 'http://192.0.2.1' } as const
  await claimDevices(gateway.context, [{ deviceId, ...source, facts }])
  return deviceId
}

function report(deviceId: string, more: Partial<DeviceReport['connectivity']> = {}): DeviceReport {
  return {
    ...{ deviceId, assignment: 1, seq: 1, revision: 0, address: null, facts: null, apps: null, work: [] },
    connectivity: {
      ...{ state: 'OFFLINE', reason: 'unreachable', detail: null, lastAnswerSecondsAgo: null },
      ...{ clockOffsetSeconds: null, certificateExpiresAt: null, ...more },
    },
  }
}

const deviceOf = (deviceId: string) =>
  fixture.db.selectFrom('device').selectAll().where('device_id', '=', deviceId).executeTakeFirstOrThrow()

/** A gateway with so many devices that has said hello. */
async function connect(devices: number) {
  const gateway = await fixture.enroll()
  const deviceIds: string[] = []
  for (let count = 0; count < devices; count++) deviceIds.push(await claim(gateway))
  const { client, say, hear } = await fixture.talk(gateway)
  await say(hello('c'))
  const { session } = await hear('welcome')
  const tell = (reports: DeviceReport[]) => say({ kind: 'report', session, reports })
  const acknowledged = async () => (await hear('ack')).acks.map((ack) => ack.deviceId).sort()
  return { gateway, deviceIds, client, session, tell, acknowledged }
}

describe('what a camera makes its gateway say', () => {
  test('a report that cannot be stored is dropped for good, and the others of its gateway are applied', async () => {
    const { deviceIds, tell, acknowledged } = await connect(3)
    const [first = '', bad = '', last = ''] = deviceIds
    // a moment that the format allows and PostgreSQL does not know
    await tell([report(first), report(bad, { certificateExpiresAt: '0000-01-01T00:00:00Z' }), report(last)])
    expect(await acknowledged()).toEqual([...deviceIds].sort())
    const states = await Promise.all(deviceIds.map(async (id) => (await deviceOf(id)).connectivity))
    expect(states).toEqual(['OFFLINE', 'UNKNOWN', 'OFFLINE'])
  })

  test('a camera whose clock is wrong by more than a lifetime is heard, and its clock said to be that wrong', async () => {
    const { deviceIds, tell, acknowledged } = await connect(2)
    const [ahead = '', behind = ''] = deviceIds
    await tell([report(ahead, { clockOffsetSeconds: 1e300 }), report(behind, { clockOffsetSeconds: -(2 ** 40) })])
    await acknowledged()
    expect(await deviceOf(ahead)).toMatchObject({ connectivity: 'OFFLINE', clock_offset_seconds: 2 ** 31 - 1 })
    expect(await deviceOf(behind)).toMatchObject({ connectivity: 'OFFLINE', clock_offset_seconds: -(2 ** 31 - 1) })
  })

  test('halves of surrogate pairs and NULs, also in names that nobody asked for, do not keep a report from being applied', async () => {
    const { gateway, deviceIds, client, session, acknowledged } = await connect(1)
    const [deviceId = ''] = deviceIds
    const told = { ...report(deviceId), facts: { ...facts, model: 'A\0\ud83dB', 'x\0': 1, '\udc00': 'y' } }
    const message = { kind: 'report', session, reports: [told] }
    await client.publishAsync(upTopic(gateway.gatewayId), JSON.stringify(message), { qos: 1 })
    await acknowledged()
    expect(await deviceOf(deviceId)).toMatchObject({ connectivity: 'OFFLINE', model: 'A\ufffdB' })
  })
})

test('a gateway speaks for its own devices only, whatever else its message says', async () => {
  const victim = await connect(1)
  const other = await connect(1)
  const [own = ''] = other.deviceIds
  const [foreign = ''] = victim.deviceIds
  const stranger = {
    ...{ accountId: victim.gateway.context.caller.accountId, gatewayId: victim.gateway.gatewayId },
    ...{ session: victim.session, deviceId: foreign, assignment: 1, seq: 7, revision: 0 },
  }
  const told = report(own)
  const reports = [{ ...told, ...{ connectivity: { ...stranger, ...told.connectivity } } }]
  const message = { kind: 'report', session: other.session, reports }
  await other.client.publishAsync(upTopic(other.gateway.gatewayId), JSON.stringify(message), { qos: 1 })
  await other.acknowledged()
  expect(await deviceOf(foreign)).toMatchObject({ connectivity: 'UNKNOWN' })
  expect(await deviceOf(own)).toMatchObject({ connectivity: 'OFFLINE' })
})

describe('reports that a lock cuts off', () => {
  const cutOff = () => Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })

  /** Hands in one report of each of five gateways; `applyReports` fails where `isLocked` says so. */
  async function handIn(isLocked: (gatewayId: string, all: string[]) => boolean) {
    const connected: Awaited<ReturnType<typeof connect>>[] = []
    for (let count = 0; count < 5; count++) connected.push(await connect(1))
    const all = connected.map(({ gateway }) => gateway.gatewayId)
    const tries: number[] = []
    const acknowledged: string[] = []
    const intake = createReportIntake({
      ...{ db: fixture.db, counted: () => {}, log: pino({ level: 'silent' }) },
      publish: (gatewayId, { kind }) => void (kind === 'ack' && acknowledged.push(gatewayId)),
      async applyReports(_db, batches) {
        tries.push(batches.length)
        if (batches.some(({ gateway }) => isLocked(gateway.gatewayId, all))) throw cutOff()
        return batches.flatMap(({ gateway: { gatewayId }, reports }) =>
          reports.map(({ deviceId, seq }) => ({ gatewayId, deviceId, seq })),
        )
      },
    })
    await Promise.all(
      connected.map(({ gateway: { gatewayId }, session, deviceIds: [deviceId = ''] }) =>
        intake.add({ gatewayId, session, reports: [report(deviceId)] }),
      ),
    )
    return { tries, unacknowledged: all.flatMap((id, place) => (acknowledged.includes(id) ? [] : [place])) }
  }

  test('are left to be sent again, and those of other gateways are applied', async () => {
    const found = await handIn((gatewayId, all) => gatewayId === all[1])
    expect(found).toEqual({ tries: [5, 1, 1, 1, 1, 1], unacknowledged: [1] })
  })

  test('of every gateway are left after two more tries: whoever waits behind them is not held up five times as long', async () => {
    expect(await handIn(() => true)).toEqual({ tries: [5, 1, 1], unacknowledged: [0, 1, 2, 3, 4] })
  })
})
