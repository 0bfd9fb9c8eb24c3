import { join } from 'node:path'
import { createCamera, type SimulatedCamera } from '@ocelli/camera-sim'
import type { Event, Installation, LicenseQuantity } from '@ocelli/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer } from './api-client.ts'
import { chooseMosquittoPorts, findMosquitto, startMosquitto } from './mosquitto.ts'
import { end, runGatewayCommand, runPlatformCommand, startGatewayProcess, startPlatformProcess } from './processes.ts'
import { apiDemos } from './real-apps.ts'
import { type Node, poll, startTwoPlatforms, type TwoPlatforms } from './two-platforms.ts'

const program = findMosquitto()
if (!program) process.stderr.write('Skipped: two platforms behind Mosquitto, which is not installed here.\n')

const { appId } = apiDemos
const password = 'camera-password'
const deviceIds = ['ONE', 'TWO', 'THREE', 'FOUR']

describe.skipIf(!program)('two platforms on one PostgreSQL behind Mosquitto', () => {
  const cameras: SimulatedCamera[] = []
  let two: TwoPlatforms
  let nodes: [Node, Node]

  beforeAll(async () => {
    two = await startTwoPlatforms(program ?? '')
    ;({ nodes } = two)
    await startSite(join(two.folder, 'gateway'))
  }, 240_000)
  afterAll(() => two?.close())

  /** A gateway with its cameras, an app, and units for all of them. */
  async function startSite(home: string): Promise<void> {
    const [node] = nodes
    const quiet = { OCELLI_LOG_LEVEL: two.shared.OCELLI_LOG_LEVEL }
    const gateway = { ...process.env, ...quiet, OCELLI_GATEWAY_HOME: home, OCELLI_CAMERA_PASSWORD: password }
    const url = `http://127.0.0.1:${node.port}`
    const { body: site } = await node.call('POST', '/device/v1/sites', { name: 'Two' })
    const { body: token } = await node.call('POST', `/device/v1/sites/${site.siteId}/enrollment-tokens`)
    await runGatewayCommand(['enroll', '--platform', url, '--token', String(token.token)], gateway)
    const running = startGatewayProcess(['run'], gateway)
    two.undo.push(() => end(running, 'SIGTERM'))
    for (const deviceId of deviceIds) {
      const camera = await createCamera({ deviceId, user: 'admin', password, trust: two.licenseKeys, installMs: 300 })
      cameras.push(camera)
      two.undo.push(() => camera.close())
      const address = `http://127.0.0.1:${camera.port}`
      await runGatewayCommand(['camera', 'add', '--address', address, '--user', 'admin'], gateway)
    }
    await two.offer({ appId, file: apiDemos.v4_0_0, units: deviceIds.length })
    for (const deviceId of deviceIds) await untilOnline(deviceId)
  }

  const untilOnline = (deviceId: string) =>
    poll(`${deviceId} is online`, async () => {
      const { body } = await nodes[1].call('GET', `/device/v1/devices/${deviceId}`)
      return body.connectivity === 'ONLINE' ? true : null
    })
  const pathOf = (deviceId: string) => `/software/v1/apps/${appId}/devices/${deviceId}`
  const settled = (node: Node, deviceId: string) =>
    poll(`the installation on ${deviceId} settles`, async () => {
      const { body } = await node.call<Installation>('GET', pathOf(deviceId))
      return body.settled ? body : null
    })
  const ask = (node: Node, method: 'PUT' | 'DELETE', deviceId: string): Promise<Answer> =>
    node.call(method, `${pathOf(deviceId)}?whenOffline=queue`, method === 'PUT' ? { licenseType: 'FULL' } : undefined)

  async function quantity(node: Node): Promise<{ used?: number; total?: number }> {
    const { body } = await node.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${appId}`)
    return body[0] ?? {}
  }
  /** Reports that a process has heard, by its own count. */
  async function heard(node: Node): Promise<number> {
    const [, count] = /^ocelli_channel_messages_total\{direction="up",kind="report"\} (\d+)/m.exec(
      await node.download('/metrics'),
    ) ?? [null, '0']
    return Number(count)
  }
  async function eventsOf(deviceId: string): Promise<Event[]> {
    const { body } = await nodes[0].call<{ items: Event[] }>('GET', `/events/v1?deviceId=${deviceId}&size=1000`)
    return body.items
  }

  test('install by one what the other published, and share the reports, each applied once', async () => {
    const [one, two] = nodes
    const asked = await Promise.all(deviceIds.map((deviceId, at) => ask(at % 2 ? one : two, 'PUT', deviceId)))
    expect(asked.map(({ status }) => status)).toEqual(deviceIds.map(() => 202))

    for (const [at, deviceId] of deviceIds.entries()) {
      expect(await settled(at % 2 ? two : one, deviceId)).toMatchObject({ installationState: 'INSTALLED', error: null })
      const states = (await eventsOf(deviceId))
        .filter(({ type }) => type === 'installation.state-changed')
        .map(({ data }) => String(data.to ?? data.installationState))
      expect(states.length, `each state of ${deviceId} once: ${states}`).toBe(new Set(states).size)
      expect(states.at(-1)).toBe('INSTALLED')
    }
    expect(cameras.map((camera) => camera.apps().length)).toEqual(deviceIds.map(() => 1))
    expect(await quantity(one)).toMatchObject({ used: deviceIds.length })
    for (const node of nodes) expect(await heard(node)).toBeGreaterThan(0)
  })

  test.each([0, 1])('lose nothing when process %i is killed at work', async (victimAt) => {
    const [victim, survivor] = victimAt === 0 ? nodes : [nodes[1], nodes[0]]
    const method = victimAt === 0 ? 'DELETE' : 'PUT'
    const before = await heard(victim)
    for (const deviceId of deviceIds) expect((await ask(victim, method, deviceId)).status).toBe(202)
    await poll('the victim is at work', async () => ((await heard(victim)) > before ? true : null))
    await end(victim.process, 'SIGKILL')

    const wanted = method === 'PUT' ? 'INSTALLED' : 'NOT_INSTALLED'
    for (const deviceId of deviceIds)
      expect(await settled(survivor, deviceId)).toMatchObject({ installationState: wanted, error: null })

    const used = method === 'PUT' ? deviceIds.length : 0
    expect(await quantity(survivor)).toMatchObject({ used, total: deviceIds.length })
    expect(cameras.map((camera) => camera.apps().length)).toEqual(deviceIds.map(() => (method === 'PUT' ? 1 : 0)))
    victim.process = await startPlatformProcess(victim.environment)
    expect(await quantity(victim)).toMatchObject({ used })
  })

  test('prove by `broker check` that foreign names and topics are refused, and tell what an operator forgot', async () => {
    const checked = await runPlatformCommand(['broker', 'check'], two.shared)
    expect(checked, checked.said).toMatchObject({ code: 0 })
    expect(checked.said.match(/^ok /gm)?.length).toBe(6)

    const ports = await chooseMosquittoPorts()
    const careless = await startMosquitto({
      ...{ program: program ?? '', folder: two.brokerFolder, ports, without: ['acl_file', 'use_username_as_clientid'] },
    })
    try {
      const args = ['broker', 'check', '--url', careless.platformUrl, '--gateway-url', careless.gatewayUrl]
      const told = await runPlatformCommand(args, two.shared)
      expect(told).toMatchObject({ code: 1 })
      for (const code of ['login-foreign', 'publish-foreign', 'subscribe-foreign'])
        expect(told.said).toContain(`FAIL ${code}`)
    } finally {
      await careless.stop()
    }
  })
})
