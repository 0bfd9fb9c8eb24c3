import { readFile } from 'node:fs/promises'
import {
  certifyKey,
  encodeLicenseFile,
  generateLicenseKey,
  type LicenseClaims,
  type PublicLicenseKey,
  signLicense,
} from '@ocelli/license'
import { onTestFinished } from 'vitest'
import { type CameraOptions, createCamera, type PackageReader, type SimulatedCamera } from '../src/index.ts'
import { admin, type RawReply, sendWithDigest } from './raw-client.ts'

/** A package as these tests write it: JSON. */
export interface TestPackage {
  appId?: string
  versionCode?: number
  versionName?: string
  signer?: string
  /** Certificates that `signer` came after. */
  lineage?: { certificateSha256: string; keepsData: boolean }[]
  minPlatformLevel?: number
  architectures?: string[]
  padding?: string
}

/** Takes JSON for a package, so that tests of the camera need no signed one. */
export const readTestPackage: PackageReader = async (path) => {
  const json: TestPackage = JSON.parse(await readFile(path, 'utf8'))
  const { appId = 'app.one', versionCode = 1, signer = 'aa', minPlatformLevel = 21, architectures = [] } = json
  return {
    appId,
    versionCode,
    versionName: json.versionName ?? `${versionCode}.0`,
    minPlatformLevel,
    architectures,
    label: 'App One',
    signer: {
      certificateSha256: signer,
      signatures: [
        { scheme: 'v3', minLevel: 0, maxLevel: null, certificateSha256: signer, lineage: json.lineage ?? [] },
      ],
    },
  }
}

export async function startCamera(options: Partial<CameraOptions> = {}): Promise<SimulatedCamera> {
  const camera = await createCamera({
    deviceId: 'cam-1',
    ...admin,
    readPackage: readTestPackage,
    installMs: 20,
    uninstallMs: 10,
    ...options,
  })
  onTestFinished(() => camera.close())
  return camera
}

export function upload(camera: SimulatedCamera, pack: TestPackage, headers: Record<string, string> = {}) {
  return sendWithDigest(camera, uploadRequest(JSON.stringify(pack), headers))
}

export function uploadRequest(body: string | Buffer, headers: Record<string, string> = {}) {
  const length = String(Buffer.byteLength(body))
  const all = { 'Content-Type': 'application/octet-stream', 'Content-Length': length, ...headers }
  return { path: '/onvif/app_upload', headers: all, body }
}

/** Uploads and waits until the camera is done with it. */
export async function install(camera: SimulatedCamera, pack: TestPackage): Promise<RawReply> {
  const reply = await upload(camera, pack)
  await until(() => camera.apps().every(({ state }) => state !== 'Installing'))
  return reply
}

/** Polls until it is so; fails after 5 s. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('It did not become so within 5 s.')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A root, a signing key, and licenses of it. */
export async function createIssuer(): Promise<{
  root: PublicLicenseKey
  issue: (claims?: Partial<LicenseClaims>) => Promise<string>
}> {
  const root = await generateLicenseKey()
  const signing = await generateLicenseKey()
  const keyCertificate = await certifyKey({ root: root.privateKey, subject: signing.publicKey, issuedAt: 1_000 })
  const standard = { jti: 'lic-1', sub: 'cam-1', app: 'app.one', typ: 'FULL', ord: null, iat: 1_700_000_000 } as const
  return {
    root: root.publicKey,
    async issue(claims = {}) {
      const token = await signLicense({ key: signing.privateKey, claims: { ...standard, ...claims } })
      return encodeLicenseFile({ token, keyCertificate })
    },
  }
}
