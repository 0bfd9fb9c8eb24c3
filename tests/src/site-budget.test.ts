import type { Installation, Rollout, Site } from '@ocelli/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '../../apps/platform/src/platform/database/database.ts'
import { mostAhead } from './line-meter.ts'
import {
  type MeteredSite,
  packageFromBytes,
  type SiteCamera,
  type SiteGateway,
  startMeteredSite,
} from './metered-site.ts'
import { findMosquitto } from './mosquitto.ts'
import { end, startGatewayProcess, startPlatformProcess } from './processes.ts'
import { settingsApp } from './real-apps.ts'
import { type Node, poll, startTwoPlatforms, type TwoPlatforms } from './two-platforms.ts'

const program = findMosquitto()
if (!program)
  process.stderr.write('Skipped: the budget of a site behind two platforms, since Mosquitto is not installed here.\n')

const { appId } = settingsApp
const gatewayCount = 3
const camerasEach = 4
const generousPlaces = 6
const tightPlaces = 3
const uploadBytesPerSecond = 2_000_000
const downloadBytesPerSecond = 2_000_000
/** Pieces of 16 KiB of each camera may pass together. */
const slackBytes = 400_000

describe.skipIf(!program)('a site with three gateways under two platforms', () => {
  let two: TwoPlatforms
  let nodes: [Node, Node]
  let siteId: string
  let site: MeteredSite
  let database: ReturnType<typeof openDatabase>

  beforeAll(async () => {
    two = await startTwoPlatforms(program ?? '')
    ;({ nodes } = two)
    database = openDatabase({
      ...{ connectionString: two.shared.DATABASE_URL ?? '', maxConnections: 1, onError: () => undefined },
    })
    two.undo.push(() => database.close())
    const budget = { maxInFlight: generousPlaces, uploadBytesPerSecond, downloadBytesPerSecond }
    const made = await nodes[0].call<Site>('POST', '/device/v1/sites', { name: 'Harbour', ...budget })
    expect(made).toMatchObject({ status: 201, body: budget })
    siteId = made.body.siteId
    site = await startMeteredSite(two, { siteId, gatewayCount, camerasEach })
    await two.offer({ appId, file: settingsApp.package, units: gatewayCount * camerasEach })
    for (const { deviceId } of site.cameras) {
      await poll(`${deviceId} is online`, async () => {
        const { body } = await nodes[1].call('GET', `/device/v1/devices/${deviceId}`)
        return body.connectivity === 'ONLINE' ? true : null
      })
    }
  }, 300_000)
  afterAll(() => two?.close())

  const isDone = ({ simulated }: SiteCamera) =>
    simulated.apps().some((app) => app.appId === appId && app.state !== 'Installing')
  const untilDone = (count: number) =>
    poll(`${count} cameras have the app`, async () => (site.cameras.filter(isDone).length >= count ? true : null))

  /** All gateways have said that they keep to the shares that they were told last. */
  const untilConfirmed = () =>
    poll('the shares are confirmed', async () => {
      const shares = database.db.selectFrom('site_share').select(['number', 'confirmed_number', 'held'])
      const rows = await shares.where('site_id', '=', siteId).execute()
      const isOpen = rows.length < gatewayCount || rows.some((row) => row.number !== row.confirmed_number)
      return isOpen ? null : rows.reduce((sum, { held }) => sum + held, 0)
    })

  test('never has more cameras at work than its budget, whoever asks, whatever is lowered and whoever is killed', async () => {
    const [one, other] = nodes
    expect(await untilConfirmed()).toBe(generousPlaces)
    const deviceIds = site.cameras.map(({ deviceId }) => deviceId)
    const isRolled = (deviceId: string) => deviceId.endsWith('-1') || deviceId.endsWith('-2')

    const asked = {
      ...{ name: 'Berths', action: 'INSTALL', appId, licenseType: 'FULL' },
      devices: { deviceIds: deviceIds.filter(isRolled) },
    }
    const made = await one.call<Rollout>('POST', '/software/v1/rollouts', asked)
    expect(made.status).toBe(201)
    const singles = deviceIds.filter((deviceId) => !isRolled(deviceId))
    const answers = await Promise.all(
      singles.map((deviceId) =>
        other.call('PUT', `/software/v1/apps/${appId}/devices/${deviceId}`, { licenseType: 'FULL' }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(singles.map(() => 202))

    await untilDone(1)
    const lowered = await other.call<Site>('PATCH', `/device/v1/sites/${siteId}`, { maxInFlight: tightPlaces })
    expect(lowered).toMatchObject({ status: 200, body: { maxInFlight: tightPlaces } })
    expect(await untilConfirmed()).toBeLessThanOrEqual(generousPlaces)
    // what was begun under the larger budget is let end, also a camera that waits with its place for the package
    const tightAtMs = await poll('no more than the smaller budget is held', async () =>
      (await untilConfirmed()) <= tightPlaces ? performance.now() : null,
    )

    await untilDone(3)
    // it has its package then: a download that is cut says nothing of its rate
    await poll(
      'the victim has begun',
      async () => site.beginnings.find(({ deviceId }) => deviceId.startsWith('BERTH-1-')) ?? null,
    )
    const [, victim] = site.gateways
    if (!victim) throw new Error('There is no second gateway.')
    await end(victim.process, 'SIGKILL')
    await end(one.process, 'SIGKILL')
    victim.process = startGatewayProcess(['run'], victim.environment)
    one.process = await startPlatformProcess(one.environment)

    for (const deviceId of deviceIds) {
      const settled = await poll(`${deviceId} settles`, async () => {
        const { body } = await other.call<Installation>('GET', `/software/v1/apps/${appId}/devices/${deviceId}`)
        return body.settled ? body : null
      })
      expect(settled).toMatchObject({ installationState: 'INSTALLED', error: null })
    }
    await poll('the rollout is complete', async () => {
      const { body } = await other.call<Rollout>('GET', `/software/v1/rollouts/${made.body.rolloutId}`)
      return body.state === 'COMPLETED' ? body : null
    })
    expect(site.cameras.every(isDone)).toBe(true)

    // all of the larger budget was used, and never more
    expect(Math.max(...site.beginnings.map(({ atWork }) => atWork))).toBe(generousPlaces)
    const within = site.beginnings.filter(({ atMs }) => atMs > tightAtMs)
    expect(within.length).toBeGreaterThan(1)
    for (const { atWork } of within) expect(atWork).toBeLessThanOrEqual(tightPlaces)
  }, 150_000)

  test('has kept to its rates, to the cameras and from the platform', () => {
    const uploads = site.cameras.flatMap(({ line }) =>
      line.connections.filter(({ upBytes }) => upBytes > packageFromBytes),
    )
    const passages = uploads.flatMap(({ up }) => up)
    expect(mostAhead(passages, uploadBytesPerSecond)).toBeLessThan(slackBytes)

    const share = downloadBytesPerSecond / gatewayCount
    for (const { firstAtMs, closedAtMs, bytes } of site.gateways.flatMap(downloadsOf)) {
      // what lies in buffers has passed the meter and not yet the gateway, which closes when it has taken all
      expect((closedAtMs ?? 0) - firstAtMs).toBeGreaterThan((1000 * (bytes - slackBytes)) / share)
    }
  })

  test('has fetched the package once for all cameras of a gateway', () => {
    for (const gateway of site.gateways) {
      expect(downloadsOf(gateway).filter(({ range }) => range === null)).toHaveLength(1)
    }
  })
})

/** Connections over which a gateway got a package, or a part of one. */
const downloadsOf = ({ line }: SiteGateway) =>
  line.connections
    .map((one) => ({
      ...one,
      firstAtMs: one.up[0]?.atMs ?? 0,
      bytes: one.down.reduce((sum, passage) => sum + passage.bytes, 0),
    }))
    .filter(({ firstLine, bytes }) => firstLine.startsWith('GET ') && bytes > packageFromBytes)
