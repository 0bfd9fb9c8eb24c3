import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Installation } from '@ocelli/contract'
import { apiDemos } from '../src/real-apps.ts'
import { buy, type System, untilOnline } from '../src/system.ts'
import { appId, cameraSays, claim, DemoFailed, platformSays, publish, quantities, say, step } from './tell.ts'

/** Use cases 1, 3, 4, 6, 7, 8 and 9, on cameras that a gateway reaches. */
export async function walkOnline(system: System, cameras: SimulatedCamera[]): Promise<void> {
  const [camera] = cameras
  if (!camera) throw new DemoFailed('No camera.')
  const path = `/software/v1/apps/${appId}/devices/${camera.deviceId}`
  const finish = async () => {
    platformSays(await system.settled(appId, camera.deviceId))
    cameraSays(camera)
  }

  say('\n1. Claim the cameras (use case 2) and list them, page by page (use case 1)')
  for (const item of cameras) await claim(system, item)
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
