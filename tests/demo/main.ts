import { parseArgs } from 'node:util'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Installation, LicenseQuantity } from '@ocelli/contract'
import { apiDemos } from '../src/real-apps.ts'
import { type Answer, buy, cameraPassword, type System, startSystem, untilOnline } from '../src/system.ts'

const { values: flags } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
const { appId } = apiDemos
const say = (line = '') => process.stdout.write(`${line}\n`)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

class DemoFailed extends Error {
  override readonly name = 'DemoFailed'
}

/** Prints a call and what came of it, and ends the demo when it is not what must come. */
async function step<Body>(
  system: System,
  [method, path, body]: [string, string, unknown?],
  wanted: number[],
): Promise<Answer<Body>> {
  if (stopping.signal.aborted) throw new DemoFailed('Stopped.')
  const answer = await system.call<Body>(method, path, body)
  say(`   ${method} ${path}${body ? ` ${JSON.stringify(body)}` : ''}`)
  say(`   -> ${answer.status}`)
  if (!wanted.includes(answer.status))
    throw new DemoFailed(`Expected ${wanted.join(' or ')}: ${JSON.stringify(answer.body)}`)
  return answer
}

function cameraSays(camera: SimulatedCamera): void {
  const apps = camera
    .apps()
    .map(
      (app) =>
        `${app.appId} ${app.version} ${app.state}, licenses: ${app.licenses.map((license) => license.licenseType).join(' ') || 'none'}`,
    )
  say(`   the camera ${camera.deviceId} now says: ${apps.join('; ') || 'no apps'}`)
}

function platformSays(now: Installation): void {
  const error = now.error ? `, ${now.error.code}: ${now.error.detail}` : ''
  say(`   the platform now says: ${now.installationState} ${now.installedVersion ?? ''} ${now.runningState}${error}`)
}

async function quantities(system: System): Promise<void> {
  const { body } = await step<LicenseQuantity[]>(system, ['GET', `/license/v1/licensequantities/apps/${appId}`], [200])
  for (const line of body) say(`   ${line.licenseType}: ${line.used} used, ${line.free} free of ${line.total}`)
}

async function publish(
  system: System,
  { file, version, wanted }: { file: string; version: string; wanted: number },
): Promise<void> {
  const { status, body } = await system.upload(file)
  say(`   POST /store/v1/packages (the real .apk, ${version})`)
  say(
    `   -> ${status} ${status >= 400 ? `${body.code}: ${body.detail}` : `${body.appId} ${body.version}, version code ${body.versionCode}`}`,
  )
  if (status !== wanted) throw new DemoFailed(`Expected ${wanted}.`)
}

async function walk(system: System, cameras: SimulatedCamera[]): Promise<void> {
  const [camera] = cameras
  if (!camera) throw new DemoFailed('No camera.')
  const path = `/software/v1/apps/${appId}/devices/${camera.deviceId}`
  const finish = async () => {
    platformSays(await system.settled(appId, camera.deviceId))
    cameraSays(camera)
  }

  say('\n1. Claim the cameras (use case 2) and list them, page by page (use case 1)')
  for (const item of cameras) {
    say(`   ocelli-gateway camera add --address http://127.0.0.1:${item.port} --user admin`)
    say(`   -> ${(await system.claim(item)).split('\n')[0]}`)
  }
  for (const item of cameras) await untilOnline(system, item.deviceId)
  for (let page = 0; ; page++) {
    const { body } = await step<{ items: { deviceId: string; connectivity: string }[] }>(
      system,
      ['GET', `/device/v1/devices?connectivity=ONLINE&size=2&page=${page}`],
      [200],
    )
    if (body.items.length === 0) break
    say(`   ${body.items.map((item) => `${item.deviceId} ${item.connectivity}`).join(', ')}`)
  }

  say('\n2. Publish a real app')
  await publish(system, { file: apiDemos.v4_0_0, version: '4.0.0', wanted: 201 })

  say('\n3. Buy licenses and see the quantities (use cases 3 and 4)')
  await buy(system, appId, 2)
  say(`   POST /store/v1/orders, POST /store/v1/orders/{orderId}/confirm`)
  await quantities(system)

  say('\n4. Install on an online camera (use case 4)')
  await step(system, ['PUT', path, { licenseType: 'FULL' }], [202])
  await finish()
  await quantities(system)

  say('\n5. Apps of the camera (use case 7)')
  const { body: apps } = await step<Installation[]>(
    system,
    ['GET', `/device/v1/devices/${camera.deviceId}/apps`],
    [200],
  )
  for (const app of apps) say(`   ${app.appId} ${app.installedVersion} ${app.runningState}`)

  say('\n6. Start and stop (use case 8)')
  for (const state of ['RUNNING', 'NOT_RUNNING', 'RUNNING']) {
    await step(system, ['POST', `${path}/state/${state}`], [200, 202])
    await finish()
  }

  say('\n7. A version signed by another certificate is refused; a true update is published')
  await publish(system, { file: apiDemos.v5_0_0, version: '5.0.0', wanted: 409 })
  await publish(system, { file: apiDemos.v4_1_1, version: '4.1.1', wanted: 201 })

  say('\n8. Update what can be updated (use case 9)')
  const { body: updatable } = await step<{ items: { deviceId: string }[] }>(
    system,
    ['GET', '/device/v1/devices?appsUpdatePossible=true'],
    [200],
  )
  say(`   ${updatable.items.map((item) => item.deviceId).join(', ')}`)
  await step(system, ['POST', path], [202])
  await finish()

  say('\n9. Uninstall; the license returns (use case 6)')
  await step(system, ['DELETE', path], [202])
  await finish()
  await quantities(system)
}

async function main(): Promise<number> {
  say('Starting a platform with its gateway in a folder of its own …')
  const system = await startSystem()
  try {
    const cameras = await Promise.all(
      ['DEMO-CAMERA-1', 'DEMO-CAMERA-2', 'DEMO-CAMERA-3'].map((id) => system.camera(id)),
    )
    say(`It serves ${system.url} and keeps its data in ${system.home}; three simulated cameras speak ONVIF over HTTP.`)
    await walk(system, cameras)
    say('\nEverything went as it should.')
    if (!flags.keep) return 0
    say(`\nLeft running: ${system.url}/docs, client id ${system.clientId}, client secret ${system.clientSecret}`)
    for (const camera of cameras) say(`   ${camera.deviceId}: ${camera.url}, user admin, password ${cameraPassword}`)
    say('Ctrl-C ends it and removes its folder.')
    await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
    return 0
  } catch (error) {
    process.stderr.write(`\n${error instanceof DemoFailed ? error.message : String((error as Error).stack)}\n`)
    return 1
  } finally {
    await system.close()
  }
}

process.exitCode = await main()
