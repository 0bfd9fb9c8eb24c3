import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import { type Client, clientCredentials, createClient, isOcelliError } from '@ocelli/sdk'
import { packageFile } from '@ocelli/sdk/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiDemos, settingsApp } from './real-apps.ts'
import { type System, startSystem, untilConnectivity, untilOnline } from './system.ts'

const exampleFile = (name: string) => fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url))

let system: System
let client: Client
let cameras: SimulatedCamera[]
const [gateId, yardId, towerId] = ['SDK-GATE', 'SDK-YARD', 'SDK-TOWER'] as const

beforeAll(async () => {
  system = await startSystem()
  client = createClient({
    baseUrl: system.url,
    credentials: clientCredentials(system.clientId, system.clientSecret),
  })
  cameras = await Promise.all([gateId, yardId, towerId].map((id) => system.camera(id)))
  for (const camera of cameras) await system.claim(camera)
  for (const { deviceId } of cameras) await untilOnline(system, deviceId)
  for (const file of [apiDemos.v4_0_0, apiDemos.v4_1_1, settingsApp.package]) {
    await client.apps.publish(await packageFile(file), { mediaType: 'application/vnd.android.package-archive' })
  }
  await buyBySdk(apiDemos.appId, 3)
})
afterAll(() => system?.close())

async function buyBySdk(appId: string, quantity: number): Promise<void> {
  const { orderId } = await client.orders.place({ appId, licenseType: 'FULL', quantity })
  await client.orders.confirm(orderId)
}

function startExample(
  name: string,
  args: string[],
): { process: ChildProcess; said: () => string; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [exampleFile(name), ...args], {
    env: {
      ...process.env,
      ...{ OCELLI_URL: system.url, OCELLI_CLIENT_ID: system.clientId, OCELLI_CLIENT_SECRET: system.clientSecret },
      RETRIES: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  return { process: child, said: () => said, ended: once(child, 'close').then(([code]) => code) }
}

async function runExample(name: string, args: string[]): Promise<{ code: number | null; said: string }> {
  const example = startExample(name, args)
  return { code: await example.ended, said: example.said() }
}

const versionsOn = (appId: string) =>
  cameras.map((camera) => camera.apps().find((app) => app.appId === appId)?.version ?? null)

async function requestsOf(appId: string, deviceId: string): Promise<number> {
  const events = await client.events.list({ type: 'installation.requested', appId, deviceId }).toArray()
  return events.length
}

test('the regular batch installation puts an app on every camera that is online', async () => {
  const { code, said } = await runExample('regular-batch-installation', [apiDemos.appId, 'FULL'])
  expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining(`${towerId}: succeeded`) })
  expect(versionsOn(apiDemos.appId)).toEqual(['4.1.1', '4.1.1', '4.1.1'])
  const again = await runExample('regular-batch-installation', [apiDemos.appId, 'FULL'])
  expect(again.code).toBe(0)
  expect(await requestsOf(apiDemos.appId, gateId)).toBe(1)
})

test('the one with error handling says what is missing, what failed and why, and goes on from its journal', async () => {
  const { appId } = settingsApp
  const [, yard, tower] = cameras as [SimulatedCamera, SimulatedCamera, SimulatedCamera]
  const journal = `${system.home}/errors.jsonl`
  const args = [appId, 'FULL', journal, gateId, yardId, towerId]
  await buyBySdk(appId, 2)
  expect(await runExample('batch-installation-with-error-handling', args)).toMatchObject({
    ...{ code: 2, said: expect.stringContaining('1 FULL licenses are missing') },
  })

  await buyBySdk(appId, 1)
  yard.setFault('failInstall', 'Not enough memory for this application')
  const { port } = tower
  await tower.close()
  // a gateway that has just started has no earlier answer to trust, so one look tells
  await system.killGateway()
  await untilConnectivity(system, towerId, 'OFFLINE')
  const first = await runExample('batch-installation-with-error-handling', args)
  expect(first.code).toBe(1)
  expect(first.said).toContain(`${gateId}: done`)
  expect(first.said).toMatch(new RegExp(`${yardId}: failed \\([a-z-]+\\)`))
  expect(first.said).toContain(`${towerId}: is away`)

  yard.clearFaults()
  cameras[2] = await system.camera(towerId, { port })
  await system.killGateway()
  await untilOnline(system, towerId)
  const second = await runExample('batch-installation-with-error-handling', args)
  expect(second).toMatchObject({ code: 0, said: expect.stringContaining(`${gateId}: was done before`) })
  expect(versionsOn(appId).every((version) => version !== null)).toBe(true)
  expect(await requestsOf(appId, gateId)).toBe(1)
})

test('a batch that is killed in the middle goes on, and no camera is asked twice', async () => {
  const { appId } = settingsApp
  const [gate] = cameras as [SimulatedCamera]
  await client.batch([gateId, yardId, towerId], { kind: 'uninstall', appId })
  const before = await Promise.all([gateId, yardId, towerId].map((id) => requestsOf(appId, id)))
  gate.setFault('uploadBytesPerSecond', 200_000)
  const args = [appId, 'FULL', `${system.home}/killed.jsonl`, gateId, yardId, towerId]
  const killed = startExample('batch-installation-with-error-handling', args)
  const deadlineMs = Date.now() + 60_000
  while (!killed.said().includes('1 done') && Date.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, 20))
  killed.process.kill('SIGKILL')
  await killed.ended
  gate.clearFaults()

  const { code, said } = await runExample('batch-installation-with-error-handling', args)
  expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('was done before') })
  expect(versionsOn(appId).every((version) => version !== null)).toBe(true)
  const after = await Promise.all([gateId, yardId, towerId].map((id) => requestsOf(appId, id)))
  expect(after).toEqual(before.map((count) => count + 1))
})

test('the client reads a real platform: pages, a refused call, a license file, events from where one was', async () => {
  const ids = (await client.devices.list({ size: 1 }).toArray()).map(({ deviceId }) => deviceId)
  expect(ids).toEqual([gateId, yardId, towerId].sort())
  const refused = await client.devices.get('no such camera').catch((error: unknown) => error)
  expect(isOcelliError(refused, { kind: 'not-found', code: 'not-found' })).toBe(true)
  const [license] = await client.licenses.list({ appId: apiDemos.appId, deviceId: gateId })
  expect(await client.licenses.file(license?.licenseId ?? '')).toContain(license?.licenseToken ?? 'none')

  const [first] = await client.events.list({ deviceId: gateId }).toArray({ limit: 1 })
  const stop = AbortSignal.timeout(30_000)
  const stream = client.events.stream({ deviceId: gateId }, { lastEventId: first?.eventId, signal: stop })
  for await (const event of stream) {
    expect(event.deviceId).toBe(gateId)
    expect(event.eventId).not.toBe(first?.eventId)
    break
  }
  const download = await client.apps.download(apiDemos.appId, { version: '4.0.0' })
  const bytes = await new Response(download.stream).arrayBuffer()
  expect(bytes.byteLength).toBe(download.size)
  expect(download.sha256).toMatch(/^[0-9a-f]{64}$/)
})
