import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Installation, LicenseQuantity } from '@ocelli/contract'
import { apiDemos } from '../src/real-apps.ts'
import type { Answer, System } from '../src/system.ts'

export const { appId } = apiDemos
export const say = (line = '') => process.stdout.write(`${line}\n`)

export const stopping = new AbortController()

export class DemoFailed extends Error {
  override readonly name = 'DemoFailed'
}

/** Prints a call and what came of it, and ends the demo when it is not what must come. */
export async function step<Body>(
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

export function cameraSays(camera: SimulatedCamera): void {
  const apps = camera
    .apps()
    .map(
      (app) =>
        `${app.appId} ${app.version} ${app.state}, licenses: ${app.licenses.map((license) => license.licenseType).join(' ') || 'none'}`,
    )
  say(`   the camera ${camera.deviceId} now says: ${apps.join('; ') || 'no apps'}`)
}

export function platformSays(now: Installation): void {
  const state = [now.installationState, now.installedVersion, now.runningState]
    .filter((part) => part !== null)
    .join(' ')
  const error = now.error ? `, ${now.error.code}: ${now.error.detail}` : ''
  say(`   the platform now says: ${state}${error}`)
}

/** By the gateway's own command; it may say more, as that it waits for its enrollment. */
export async function claim(system: System, camera: Pick<SimulatedCamera, 'port'>): Promise<void> {
  say(`   ocelli-gateway camera add --address http://127.0.0.1:${camera.port} --user admin`)
  const said = (await system.claim(camera)).split('\n')
  say(`   -> ${said.find((line) => line.endsWith('takes it up by itself.')) ?? said.join(' ')}`)
}

export async function quantities(system: System): Promise<void> {
  const { body } = await step<LicenseQuantity[]>(system, ['GET', `/license/v1/licensequantities/apps/${appId}`], [200])
  for (const line of body) say(`   ${line.licenseType}: ${line.used} used, ${line.free} free of ${line.total}`)
}

export async function publish(
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
