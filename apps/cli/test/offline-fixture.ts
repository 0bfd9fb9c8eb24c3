import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CameraOptions, createCamera, type PackageReader } from '@ocelli/camera-sim'
import { createOnvifDriver } from '@ocelli/driver-onvif'
import {
  type BundleClaims,
  certifyKey,
  encodeLicenseFile,
  generateLicenseKey,
  signBundle,
  signLicense,
} from '@ocelli/license'
import { type CameraLogin, openCamera } from '../src/offline/open-camera.ts'

export const appId = 'com.example.counter'
export const issuedAt = 1_790_000_000
export const now = new Date((issuedAt + 60) * 1000)
export const login = { user: 'admin', password: 'secret-of-the-camera' }

const quickDriver = createOnvifDriver({
  timeoutMs: 2_000,
  connectTimeoutMs: 1_000,
  hintPauseMs: 20,
  install: { pollMs: 20, awayMs: 1_500, recoveryMs: 300 },
  life: { pollMs: 20, reactionMs: 500, steadyMs: 200 },
})

export const openQuickly = (camera: CameraLogin, signal: AbortSignal) =>
  openCamera(camera, { drivers: { onvif: async () => quickDriver }, signal })

/** Packages of these tests are lines of JSON. */
const readPackage: PackageReader = async (path) => {
  const { version } = JSON.parse((await readFile(path, 'utf8')).trim()) as { version: string }
  return {
    ...{ appId, versionName: version, versionCode: 1, label: 'Counter' },
    ...{ minPlatformLevel: 1, architectures: [], signer: { certificateSha256: 'ab'.repeat(32) } },
  }
}

/** A platform's keys, a folder, and what it would put into a bundle. */
export async function createOfflineFixture() {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-offline-'))
  const root = await generateLicenseKey()
  const signing = await generateLicenseKey()
  const keyCertificate = await certifyKey({ root: root.privateKey, subject: signing.publicKey, issuedAt })
  const path = join(folder, 'counter.apk')
  const content = JSON.stringify({ version: '4.0.0' }).padEnd(200_000, ' ')
  await writeFile(path, content)
  const sha256 = createHash('sha256').update(content).digest('hex')
  const packageId = randomUUID()

  async function licenseFor(deviceId: string) {
    const licenseId = randomUUID()
    const token = await signLicense({
      key: signing.privateKey,
      claims: { jti: licenseId, sub: deviceId, app: appId, typ: 'FULL', ord: randomUUID(), iat: issuedAt },
    })
    return {
      licenseId,
      appId,
      deviceId,
      licenseType: 'FULL' as const,
      file: encodeLicenseFile({ token, keyCertificate }),
    }
  }

  return {
    folder,
    root: root.publicKey,
    keyCertificate,
    package: { path, sha256, size: content.length },
    licenseFor,
    /** The manifest of a bundle for these devices; `change` is applied before it is signed. */
    async manifest(deviceIds: string[], change: (claims: BundleClaims) => void = () => {}) {
      const licenses = await Promise.all(deviceIds.map(licenseFor))
      const claims: BundleClaims = {
        jti: randomUUID(),
        acc: randomUUID(),
        iat: issuedAt,
        exp: issuedAt + 86_400,
        packages: [
          {
            ...{ packageId, appId, version: '4.0.0', versionCode: 1, format: 'apk', architectures: [] },
            ...{ minPlatformLevel: 1, size: content.length, sha256 },
          },
        ],
        licenses,
        installs: licenses.map(({ licenseId, deviceId }) => ({ deviceId, appId, packageId, licenseId })),
      }
      change(claims)
      return await signBundle({ key: signing.privateKey, claims })
    },
    /** A camera that starts the app only with a license of this platform. */
    startCamera: (options: Partial<CameraOptions> & { deviceId: string }) =>
      createCamera({
        ...login,
        trust: [root.publicKey],
        licenseRequired: 'all',
        readPackage,
        installMs: 20,
        ...options,
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
