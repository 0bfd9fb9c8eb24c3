import type { HttpReply } from '@ocelli/camera-http'
import { parseChallenges } from '@ocelli/camera-http'
import { type CallOptions, type CameraTarget, DriverError, type ProbeResult } from '@ocelli/driver'
import { connectTo, type DriverSettings } from './connect.ts'
import { factsOfProperties } from './describe-camera.ts'
import { toDriverError } from './driver-failure.ts'
import type { VapixCamera } from './vapix-camera.ts'

/** What an Axis camera shows of itself without a login. */
export type OpenDescription = {
  manufacturer: string | null
  model: string | null
  firmwareVersion: string | null
  serialNumber: string | null
  /** False: its AXIS OS has no CGI that lists apps. Null: that shows only with a login. */
  runsApps: boolean | null
  needsFirstPassword: boolean | null
  clockOffsetMs: number | null
}

/**
 * Asks only what anybody may ask, so no password is sent, whatever the target holds. Throws DriverError when nothing answers there;
 * something that answers and is no Axis camera is a result.
 */
export async function probeCamera(
  target: CameraTarget,
  { signal }: CallOptions,
  settings: DriverSettings,
): Promise<ProbeResult> {
  const { camera, certificate } = connectTo({ ...target, credentials: null }, settings)
  const described = await describeOpenly(camera, { signal })
  if (described === null) {
    const detail = 'Something answers there, and it is no Axis camera.'
    const nothing = { manufacturer: null, model: null, clockOffsetMs: null, needsFirstPassword: null }
    return { speaks: false, runsApps: false, detail, ...nothing, certificate: certificate() }
  }
  const { manufacturer, model, runsApps, clockOffsetMs, needsFirstPassword } = described
  const detail = sentenceOf(described)
  return {
    ...{ speaks: true, runsApps, detail, manufacturer, model, clockOffsetMs, needsFirstPassword },
    certificate: certificate(),
  }
}

/** Null for something that answers and is no Axis camera. Throws DriverError where nothing answers. */
export async function describeOpenly(camera: VapixCamera, call: CallOptions): Promise<OpenDescription | null> {
  const properties = await answered(() => camera.openProperties(call))
  const facts = properties === null ? null : factsOfProperties(properties)
  const access = await answered(() => camera.openAnswer('list', call))
  const serialNumber = facts?.serialNumber ?? serialInRealm(access) ?? (await readRealm(camera, call))
  if (facts === null && serialNumber === null) return null
  const state = await answered(() => camera.systemState(call))
  const { clockOffsetMs } = camera
  return {
    manufacturer: facts?.manufacturer ?? 'AXIS',
    model: facts?.model ?? null,
    firmwareVersion: facts?.firmwareVersion ?? null,
    serialNumber,
    runsApps: access?.status === 404 ? false : null,
    needsFirstPassword: state?.needsSetup ?? null,
    clockOffsetMs,
  }
}

/** Cameras that are too old to list apps still want a login for their parameters. */
const readRealm = async (camera: VapixCamera, call: CallOptions) =>
  serialInRealm(await answered(() => camera.openAnswer('param', call)))

/** An Axis camera names its serial number in the realm of its logins: `AXIS_ACCC8E123456`. */
function serialInRealm(reply: HttpReply | null): string | null {
  for (const { parameters } of parseChallenges(reply?.rawHeaders ?? [])) {
    const serialNumber = /^AXIS_([0-9A-F]{12})$/i.exec(parameters.get('realm') ?? '')?.[1]
    if (serialNumber !== undefined) return serialNumber.toUpperCase()
  }
  return null
}

function sentenceOf({ model, firmwareVersion, runsApps, needsFirstPassword }: OpenDescription): string {
  const what = `An Axis camera${model === null ? '' : ` ${model}`}${firmwareVersion === null ? '' : ` with AXIS OS ${firmwareVersion}`}`
  if (runsApps === false) return `${what} whose AXIS OS cannot list apps: it cannot run apps.`
  if (needsFirstPassword) return `${what} that has no user yet: set its first password before it can run apps (.eap).`
  return `${what}; it most likely runs apps (.eap), which it tells only after a login.`
}

/** What a camera answered; null for a refusal, or for something that is no answer of such a camera. */
async function answered<Value>(ask: () => Promise<Value | null>): Promise<Value | null> {
  try {
    return await ask()
  } catch (error) {
    const known = toDriverError(error)
    const isAnswer = known instanceof DriverError && NO_ANSWER.every((code) => code !== known.code)
    if (isAnswer) return null
    throw known
  }
}

const NO_ANSWER = ['unreachable', 'timeout', 'cancelled', 'certificate-changed']
