import type { ClaimItem, ClaimResult, DeviceFacts } from '@ocelli/contract'
import { type CameraTarget, type Driver, DriverError, type FindCameraOptions, type FoundCamera } from '@ocelli/driver'
import type { GatewayIdentity } from '../platform/gateway-identity.ts'
import type { PlatformApi } from '../platform/platform-api.ts'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { marksOf, noMarks, placeOf } from './camera-marks.ts'
import type { Camera, CameraStore } from './camera-store.ts'
import { readEndpointReference } from './endpoint-reference.ts'
import { findCamera } from './find-camera.ts'
import { createRefusedLogins } from './refused-logins.ts'

export interface AddCameraOptions extends FindCameraOptions {
  folder: StateFolder
  cameras: CameraStore
  api: Pick<PlatformApi, 'claim'>
  identity: GatewayIdentity
  clock: Clock
  address: string
  credentials: NonNullable<CameraTarget['credentials']>
  siteId: string | null
  name: string | null
  /** Tries the login though the camera refused it, or two others, a short time ago: a person has made sure of it. */
  insists?: boolean
}

/** Reading a camera may take long, a login that hangs may not. */
const readTimeoutMs = 60_000

/**
 * Finds the camera, reads who it is with the login, claims it into the account and keeps it. One that this gateway has
 * already is claimed again, with its new address, password and certificate. Throws DriverError (camera) or GatewayError
 * (`camera-unsuitable`, `claimed-elsewhere`, platform); then nothing was kept.
 */
export async function addCamera(options: AddCameraOptions): Promise<Camera> {
  const { cameras, credentials, identity, name, folder, clock } = options
  const siteId = options.siteId ?? identity.siteId
  const found = await findCamera(options.address, options)
  if (found.probe.needsFirstPassword) {
    const detail = `${found.probe.detail} Do it with: ocelli-gateway camera first-user`
    throw new DriverError('needs-first-password', detail)
  }
  if (found.probe.runsApps === false) throw new GatewayError('camera-unsuitable', found.probe.detail)
  const refused = createRefusedLogins({ folder, clock })
  const place = { address: found.address, deviceId: recordAt(cameras, found.address) }
  if (!options.insists) await refused.checkNew(place, credentials)
  const read = await readCamera(found, options).catch(async (error: unknown) => {
    if (error instanceof DriverError && error.code === 'credentials-refused') {
      await refused.note(place, credentials)
    }
    throw error
  })
  await refused.accepted({ address: found.address, deviceId: read.identity.deviceId }, credentials)
  const { deviceId, source: identitySource } = read.identity
  const driver = found.module.name
  const { address } = found
  const item: ClaimItem = {
    deviceId,
    identitySource,
    driver,
    address,
    siteId,
    facts: read.facts,
    ...(name && { name }),
  }
  const { assignment } = await claim(options.api, item, options.signal)
  const camera: Camera = {
    ...{ deviceId, identitySource, driver, siteId, address, credentials, assignment },
    name: name ?? cameras.get(deviceId)?.name ?? null,
    tls: { pinnedSha256: read.certificateSha256, allowLegacy: options.allowLegacyTls },
    marks: marksOf(read.facts, { endpointReference: read.endpointReference, before: noMarks }),
  }
  await cameras.save(camera)
  return camera
}

interface CameraReading {
  identity: Awaited<ReturnType<Driver['readIdentity']>>
  facts: DeviceFacts
  certificateSha256: string | null
  endpointReference: string | null
}

/** The password goes only to the certificate that answered the probe. */
async function readCamera(found: FoundCamera, options: AddCameraOptions): Promise<CameraReading> {
  const { address, module, probe } = found
  const pinnedSha256 = probe.certificate?.sha256 ?? null
  const tls = { pinnedSha256, allowLegacy: options.allowLegacyTls }
  const driver = module.open({ address, credentials: options.credentials, tls })
  const enough = AbortSignal.timeout(readTimeoutMs)
  const signal = AbortSignal.any([options.signal, enough])
  try {
    const identity = await driver.readIdentity({ signal })
    const facts = await driver.readFacts({ signal })
    if (facts.appFormats.length === 0) {
      throw new GatewayError('camera-unsuitable', `The camera at ${address} takes no apps: it names no package format.`)
    }
    const endpointReference = await readEndpointReference(driver, signal)
    return { identity, facts, certificateSha256: driver.certificate()?.sha256 ?? pinnedSha256, endpointReference }
  } catch (error) {
    options.signal.throwIfAborted()
    if (!enough.aborted) throw error
    throw new DriverError('timeout', `${address} did not answer within a minute.`, { cause: error })
  } finally {
    await driver.close()
  }
}

/** The camera of this gateway that was there last: a refusal counts for it as well. */
function recordAt(cameras: CameraStore, address: string): string | null {
  return cameras.list().find((camera) => placeOf(camera.address) === placeOf(address))?.deviceId ?? null
}

async function claim(
  api: AddCameraOptions['api'],
  item: ClaimItem,
  signal: AbortSignal,
): Promise<{ assignment: number }> {
  const results = await api.claim([item], signal)
  const result = results.find(({ deviceId }) => deviceId === item.deviceId)
  if (!result) throw new GatewayError('bad-reply', 'The platform did not say whether it claimed the camera.')
  if (result.assignment !== null && result.result !== 'claimed-elsewhere') return { assignment: result.assignment }
  throw new GatewayError('claimed-elsewhere', refusalOf(result))
}

function refusalOf({ result, deviceId }: ClaimResult): string {
  if (result === 'claimed-elsewhere') {
    return `The camera ${deviceId} is claimed by another account of this platform. It has to be released there first.`
  }
  return `The camera ${deviceId} belongs to another gateway of this account. Move it on the platform first.`
}
