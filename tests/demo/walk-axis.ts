import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildEap } from '@ocelli/app-package/testing'
import type { SimulatedAxisCamera } from '@ocelli/camera-sim'
import { buy, type System, untilOnline } from '../src/system.ts'
import { claim, DemoFailed, platformSays, say, step } from './tell.ts'

const appId = 'Line_counter'

/** The same calls on a camera that speaks another protocol, with a package for each architecture. */
export async function walkAxis(system: System, camera: SimulatedAxisCamera): Promise<void> {
  const path = `/software/v1/apps/${appId}/devices/${camera.deviceId}`
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-demo-'))
  const wish = async (method: string, rest = '', body?: object) => {
    await step(system, [method, `${path}${rest}`, body], [202])
    platformSays(await system.settled(appId, camera.deviceId))
    const apps = camera.apps().map(({ appId: name, version, state }) => `${name} ${version} ${state}`)
    say(`   the camera ${camera.deviceId} now says: ${apps.join('; ') || 'no apps'}`)
  }
  const publish = async (version: string) => {
    for (const architecture of ['aarch64', 'armv7hf'] as const) {
      const file = join(folder, `${appId}_${version}_${architecture}.eap`)
      await writeFile(file, await buildEap({ appId, version, architecture, signed: true }))
      const { status, body } = await system.upload(file)
      say(`   POST /store/v1/packages (an .eap for ${architecture}, ${version})`)
      say(`   -> ${status}`)
      if (status !== 201) throw new DemoFailed(`Expected 201: ${JSON.stringify(body)}`)
    }
  }
  say(`\n10. The same on an Axis camera, ${camera.model} with AXIS OS ${camera.osVersion}, which speaks VAPIX`)
  try {
    await claim(system, camera)
    await untilOnline(system, camera.deviceId)
    await publish('1.0.0')
    await buy(system, appId, 1)
    await wish('PUT', '', { licenseType: 'FULL', start: true })
    await publish('1.1.0')
    await wish('POST')
    await wish('POST', '/state/NOT_RUNNING')
    await wish('DELETE')
    if (camera.apps().length > 0) throw new DemoFailed('The app must be gone.')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
