import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type CameraOptions, createCamera, type SimulatedCamera } from '@ocelli/camera-sim'
import { onTestFinished } from 'vitest'
import {
  type AppManagement,
  createOnvifClient,
  type OnvifClient,
  type OnvifClientOptions,
  OnvifError,
} from '../src/index.ts'

export const USER = 'admin'
export const PASSWORD = 'pa:ss "wörd"'

/** A camera that ends with the test. A package is a text of app id, version name and version code. */
export async function startCamera(options: Partial<CameraOptions> = {}): Promise<SimulatedCamera> {
  const camera = await createCamera({
    deviceId: 'CAM-0001',
    user: USER,
    password: PASSWORD,
    licenseRequired: 'none',
    async readPackage(path) {
      const [appId = '', versionName = '', versionCode = '0'] = (await readFile(path, 'utf8')).trim().split(' ')
      if (!appId.includes('.')) throw new Error('This is no package.')
      return {
        appId,
        versionName,
        versionCode: Number(versionCode),
        minPlatformLevel: 1,
        architectures: [],
        label: appId,
        signer: { certificateSha256: '00' },
      }
    },
    ...options,
  })
  onTestFinished(() => camera.close())
  return camera
}

export function connect(camera: SimulatedCamera, options: Partial<OnvifClientOptions> = {}): OnvifClient {
  return createOnvifClient({
    address: new URL(camera.url).origin,
    credentials: { user: USER, password: PASSWORD },
    ...options,
  })
}

export async function connectApps(
  camera: SimulatedCamera,
  options: Partial<OnvifClientOptions> = {},
): Promise<AppManagement> {
  const apps = await connect(camera, options).appManagement()
  if (apps === null) throw new Error('The camera lists no app management.')
  return apps
}

/** What a promise is rejected with; fails when it is not, or not by an OnvifError. */
export async function failureOf(promise: Promise<unknown>): Promise<OnvifError> {
  const error = await promise.then(
    () => new Error('It did not fail.'),
    (reason: unknown) => reason,
  )
  if (error instanceof OnvifError) return error
  throw error
}

export function packageOf(text: string) {
  const bytes = Buffer.from(text)
  return { open: () => Readable.from([bytes]), size: bytes.length }
}

export async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not within 10 s: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
