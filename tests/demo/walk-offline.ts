import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installLicense } from '../src/camera-soap.ts'
import { runOcelli } from '../src/ocelli.ts'
import { cameraPassword, type System } from '../src/system.ts'
import { appId, cameraSays, DemoFailed, quantities, say, step, stopping } from './tell.ts'

/** Runs the command line as an installer does, on a laptop of its own where `home` is not given. */
async function ocelli(folder: string, args: string[], home?: System): Promise<void> {
  if (stopping.signal.aborted) throw new DemoFailed('Stopped.')
  say(`   ${home ? 'at home ' : 'laptop  '} $ ocelli ${args.join(' ')}`)
  const env: Record<string, string> = home
    ? { OCELLI_URL: home.url, OCELLI_CLIENT_ID: home.clientId, OCELLI_CLIENT_SECRET: home.clientSecret }
    : {}
  const { code, stdout, stderr } = await runOcelli(args, {
    cwd: folder,
    env: { ...env, OCELLI_CONFIG: join(folder, home ? 'home' : 'laptop') },
  })
  for (const line of `${stdout}${stderr}`.trim().split('\n')) say(`      ${line}`)
  if (code !== 0) throw new DemoFailed(`It ended with ${code}.`)
}

/** Use case 5: a camera that the platform does not reach, and a laptop that does not reach the platform. */
export async function walkOffline(system: System): Promise<void> {
  say('\n11. A camera in a closed network (use case 5)')
  const vault = await system.camera('DEMO-VAULT-1')
  const thief = await system.camera('DEMO-VAULT-2')
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-demo-'))
  const login = ['--user', 'admin', '--password-file', 'camera.txt']
  try {
    await writeFile(join(folder, 'camera.txt'), cameraPassword)
    await ocelli(folder, ['discover', `127.0.0.1:${vault.port}`, '--no-multicast', ...login, '--out', 'site.json'])
    const what = ['--app', `${appId}@4.0.0`, '--license-type', 'FULL', '--site', 'site.json', '--out', 'site.bundle']
    await ocelli(folder, ['offline', 'bundle', ...what], system)
    const { rootThumbprint } =
      (await system.call<{ rootThumbprint: string }[]>('GET', '/license/v1/bundles')).body[0] ?? {}
    say('   The platform is stopped: from here on the laptop has the camera and the bundle, and nothing else.')
    const device = `/license/v1/licenses/apps/${appId}/devices/DEMO-VAULT-1`
    const { body: licenses } = await system.call<{ licenseId: string }[]>('GET', device)
    const licenseFile = await system.download(`/license/v1/licenses/${licenses[0]?.licenseId}/token`)
    await system.stop()
    const cameras = ['--camera', `http://127.0.0.1:${vault.port}`, ...login, '--root', rootThumbprint ?? '', '--start']
    await ocelli(folder, ['offline', 'apply', 'site.bundle', ...cameras, '--receipt', 'receipt.jws'])
    cameraSays(vault)
    thief.installApp({ appId })
    const copied = await installLicense(thief, { appId, licenseFile })
    say(`   The same license copied to ${thief.deviceId} -> ${copied.status}`)
    if (copied.status < 400) throw new DemoFailed('A copied license must be refused.')
    cameraSays(thief)
    say('   The platform runs again, and the receipt comes home.')
    await system.restart()
    await writeFile(join(folder, 'laptop-key.json'), (await runOcelli(['offline', 'key'], laptopOf(folder))).stdout)
    await ocelli(folder, ['offline', 'enroll-key', 'laptop-key.json', '--name', 'demo laptop'], system)
    await ocelli(folder, ['offline', 'report', 'receipt.jws'], system)
    const listed = await step<{ items: { deviceId: string }[] }>(
      system,
      ['GET', '/device/v1/devices?state=UNCLAIMED'],
      [200],
    )
    say(`   never claimed, and yet in the list: ${listed.body.items.map(({ deviceId }) => deviceId).join(', ')}`)
    await quantities(system)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const laptopOf = (folder: string) => ({ cwd: folder, env: { OCELLI_CONFIG: join(folder, 'laptop') } })
