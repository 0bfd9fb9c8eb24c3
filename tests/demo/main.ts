import { parseArgs } from 'node:util'
import { createAxisCamera } from '@ocelli/camera-sim'
import { cameraPassword, startSystem } from '../src/system.ts'
import { DemoFailed, say, stopping } from './tell.ts'
import { walkAxis } from './walk-axis.ts'
import { walkOffline } from './walk-offline.ts'
import { walkOnline } from './walk-online.ts'

const { values: flags } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })

// npm passes on the Ctrl-C that the terminal sends too: told again, it still removes its folder
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())

async function main(): Promise<number> {
  say('Starting a platform with its gateway in a folder of its own …')
  const login = { user: 'admin', password: cameraPassword }
  const axis = await createAxisCamera({ ...login, serialNumber: 'B8A44F0DE403', os: '12', architecture: 'aarch64' })
  const system = await startSystem().catch(async (error: unknown) => {
    await axis.close()
    throw error
  })
  try {
    const cameras = await Promise.all(
      ['DEMO-CAMERA-1', 'DEMO-CAMERA-2', 'DEMO-CAMERA-3'].map((id) => system.camera(id)),
    )
    say(
      `It serves ${system.url} and keeps its data in ${system.home}; three simulated cameras speak ONVIF over HTTP, one VAPIX.`,
    )
    await walkOnline(system, cameras)
    await walkAxis(system, axis)
    await walkOffline(system)
    say('\nEverything went as it should.')
    if (!flags.keep) {
      say('Its folder is removed again; `npm run demo -- --keep` leaves everything running.')
      return 0
    }
    say(`\nLeft running: ${system.url}/docs, client id ${system.clientId}, client secret ${system.clientSecret}`)
    for (const camera of [...cameras, axis])
      say(`   ${camera.deviceId}: ${camera.url}, user admin, password ${cameraPassword}`)
    say('Ctrl-C ends it and removes its folder.')
    await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
    return 0
  } catch (error) {
    process.stderr.write(`\n${error instanceof DemoFailed ? error.message : String((error as Error).stack)}\n`)
    return 1
  } finally {
    await axis.close()
    await system.close()
  }
}

process.exitCode = await main()
