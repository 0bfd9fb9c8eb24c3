import { DriverError, isCameraParameterGroup, type LicenseRequest, type PlacedLicense } from '@ocelli/driver'
import { findEntry } from './app-life.ts'
import { errorFor, licenseCode, licenseErrors } from './error-tables.ts'
import { appParameterName } from './parameters.ts'
import { excerptOf, textOf, withoutSecret } from './reply-text.ts'
import type { VapixCamera } from './vapix-camera.ts'

type Call = { signal: AbortSignal }

/**
 * Hands a license to the camera or to the app. license.cgi takes keys of Axis only, and only apps that are protected by Axis ask
 * for one. An app without that protection gets its license where its listing says; without such a place nobody would look at
 * it, so nothing is written.
 */
export async function placeLicense(request: LicenseRequest, camera: VapixCamera, call: Call): Promise<PlacedLicense> {
  const { appId, license, placement } = request
  const entry = await findEntry(camera, appId, call)
  if (entry === null) throw new DriverError('app-not-found', `The app ${appId} is not on the camera.`)
  switch (placement?.kind) {
    case 'PARAMETER':
      await setParameter(ownParameter(appId, placement.name), license, { camera, call })
      return { checkedBy: 'APP' }
    case 'APP_PATH':
      await postLicense(appPath(appId, placement.path), license, { camera, call })
      return { checkedBy: 'APP' }
    case 'CAMERA':
    case undefined: {
      const isUnprotected = entry.license === 'None' || entry.license === 'Custom'
      if (isUnprotected && !placement) return { checkedBy: 'NOBODY' }
      const outcome = await camera.uploadLicense(appId, license, call)
      if (outcome.kind === 'ok') return { checkedBy: 'CAMERA' }
      // A camera that does not say how the app is protected, and does not know this as a key: none of Axis is asked for.
      const isUntold = entry.license === null && !placement
      if (isUntold && outcome.code === licenseCode.noKey) return { checkedBy: 'NOBODY' }
      throw errorFor(licenseErrors, outcome, { code: 'license-refused', what: 'take the license key' })
    }
  }
}

/** Takes an app's license away from where it was placed. One that is not there is a success. */
export async function removeLicense(
  { appId, placement }: Pick<LicenseRequest, 'appId' | 'placement'>,
  camera: VapixCamera,
  call: Call,
): Promise<void> {
  const entry = await findEntry(camera, appId, call)
  if (entry === null) return
  if (placement?.kind === 'PARAMETER') {
    const name = ownParameter(appId, placement.name)
    if ((await camera.parameters([name], call)).get(name)) await camera.setParameter(name, '', call)
    return
  }
  // The list does not tell of a key that the camera keeps without looking at it.
  const isUntold = entry.license === 'None' || entry.license === 'Custom'
  if (placement?.kind === 'APP_PATH' || entry.license === 'Missing' || (isUntold && !placement)) return
  const outcome = await camera.removeLicense(appId, call)
  if (outcome.kind === 'ok' || outcome.code === licenseCode.notInstalled) return
  // Answered where there is no key, and where it could not be removed.
  const isGone = async () => isUntold || (await findEntry(camera, appId, call))?.license === 'Missing'
  if (outcome.code === licenseCode.notRemoved && (await isGone())) return
  throw errorFor(licenseErrors, outcome, { code: 'refused', what: 'remove the license key' })
}

/** A listing is its publisher's: a path that leaves the app must not reach the camera with an administrator's login. */
function appPath(appId: string, path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '')
  if (segments.length === 0 || segments.some((segment) => segment === '.' || segment === '..')) {
    throw new DriverError(
      'license-refused',
      `The listing of ${appId} names no path of its own for the license: ${path}`,
    )
  }
  return ['/local', appId, ...segments].join('/')
}

/** An app whose name is a group of the camera's own must not have those settings written. The publisher is told so first. */
function ownParameter(appId: string, name: string): string {
  if (!isCameraParameterGroup(appId)) return appParameterName(appId, name)
  const detail = `The license of ${appId} is not written: root.${appId} holds settings of the camera itself.`
  throw new DriverError('license-refused', detail)
}

type At = { camera: VapixCamera; call: Call }

/**
 * Writes into a parameter that is there, and nowhere else. How long a value may be is not documented: one that does not come back whole
 * was cut.
 */
async function setParameter(name: string, value: string, { camera, call }: At): Promise<void> {
  const where = `root.${name}, where the app looks for its license`
  const read = async () => (await camera.parameters([name], call)).get(name)
  if ((await read()) === undefined) throw new DriverError('license-refused', `The camera has no parameter ${where}.`)
  await camera.setParameter(name, value, call)
  const kept = (await read()) ?? ''
  if (kept === value.trim()) return
  throw new DriverError('license-refused', `The camera kept ${kept.length} of ${value.length} characters in ${where}.`)
}

async function postLicense(path: string, license: string, { camera, call }: At): Promise<void> {
  const reply = await camera.postToApp(path, license, call)
  if (reply.status < 300) return
  const words = excerptOf(withoutSecret(textOf(reply), license)) || `HTTP ${reply.status}`
  throw new DriverError('license-refused', `The app did not take its license: ${words}.`, {
    deviceCode: `HTTP ${reply.status}`,
  })
}
