import type { CallOptions, CameraTarget, ProbeResult } from '@ocelli/driver'
import { type CameraCertificate, createOnvifClient, type OnvifClient, OnvifError } from '@ocelli/onvif'
import { driverFailure } from './driver-failure.ts'

const APP_MANAGEMENT = 'http://www.onvif.org/ver10/appmgmt/wsdl'

/**
 * Whether an ONVIF camera answers at an address and whether it runs apps, asked without a login.
 * Throws `unreachable` and its like when nothing answers; an answer of something else is a result.
 */
export async function probeCamera(target: CameraTarget, { signal }: CallOptions): Promise<ProbeResult> {
  let certificate: CameraCertificate | null = null
  const client = createOnvifClient({
    address: target.address,
    tls: {
      pinnedSha256: target.tls.pinnedSha256 ?? undefined,
      allowLegacy: target.tls.allowLegacy,
      onCertificate: (seen) => {
        certificate = seen
      },
    },
  })
  const answer = await ask(client, signal)
  const seen = certificate as CameraCertificate | null
  return {
    ...answer,
    // Names of maker and model need a login over ONVIF.
    manufacturer: null,
    model: null,
    certificate: seen === null ? null : { sha256: seen.sha256, expiresAt: seen.expiresAt },
  }
}

type Answer = Pick<ProbeResult, 'speaks' | 'runsApps' | 'detail' | 'clockOffsetMs'>

async function ask(client: OnvifClient, signal: AbortSignal): Promise<Answer> {
  const time = await orRefusal(() => client.getSystemDateAndTime({ signal }))
  if (time instanceof OnvifError && time.code !== 'credentials-refused') return otherwise(time)
  const clockOffsetMs = time instanceof OnvifError ? null : time.offsetMs
  const services = await orRefusal(() => client.getServices({ signal }))
  if (services instanceof OnvifError) {
    const detail = `An ONVIF camera answers; whether it can run apps cannot be told without a login. ${services.message}`
    return { speaks: true, runsApps: services.code === 'credentials-refused' ? null : false, detail, clockOffsetMs }
  }
  const runsApps = services.some(({ namespace }) => namespace === APP_MANAGEMENT)
  const detail = runsApps
    ? 'This camera can run apps, over ONVIF Application Management.'
    : 'This ONVIF camera has no Application Management service, so apps cannot be installed on it over ONVIF.'
  return { speaks: true, runsApps, detail, clockOffsetMs }
}

/** A refusal by what answers is a finding; that nothing answers is thrown. */
async function orRefusal<Result>(call: () => Promise<Result>): Promise<Result | OnvifError> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof OnvifError)) throw error
    const isAnswer = ['credentials-refused', 'unsupported', 'rejected', 'bad-reply'].includes(error.code)
    if (isAnswer) return error
    throw driverFailure(error, 'read')
  }
}

function otherwise(error: OnvifError): Answer {
  return {
    speaks: false,
    runsApps: false,
    detail: `No ONVIF camera answers here. ${error.message}`,
    clockOffsetMs: null,
  }
}
