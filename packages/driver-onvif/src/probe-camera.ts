import type { CallOptions, CameraTarget, ProbeResult } from '@ocelli/driver'
import { isOnvifError, type OnvifClient, type OnvifError } from '@ocelli/onvif'
import { toDriverError } from './driver-failure.ts'
import { connectTo, type DriverSettings } from './onvif-driver.ts'
import { appFormatsOf } from './package-format.ts'

/**
 * Asks only what ONVIF answers without a login, so no password is sent, whatever the target holds. Throws DriverError when nothing
 * answers there; something that answers and is no ONVIF camera is a result.
 */
export async function probeCamera(
  target: CameraTarget,
  { signal }: CallOptions,
  settings: DriverSettings,
): Promise<ProbeResult> {
  const { client, certificate } = connectTo({ ...target, credentials: null }, settings)
  try {
    const time = await answered(client.getSystemDateAndTime({ signal }))
    const services = await answered(client.getServices({ signal }))
    const judged = judge([time, services]) ?? (await readAppSupport(client, services, signal))
    const clockOffsetMs = time.kind === 'answer' ? time.value.offsetMs : null
    return { ...judged, manufacturer: null, model: null, clockOffsetMs, certificate: certificate() }
  } catch (error) {
    throw toDriverError(error)
  }
}

type Verdict = Pick<ProbeResult, 'speaks' | 'runsApps' | 'detail'>
type Answered<Value> = { kind: 'answer'; value: Value } | { kind: 'refusal'; error: OnvifError }

/** Null when a service list has come. */
function judge(asked: [time: Answered<unknown>, services: Answered<unknown>]): Verdict | null {
  if (asked[1].kind === 'answer') return null
  const speaks = asked.some((each) => each.kind === 'answer' || each.error.fault !== undefined)
  if (asked.some((each) => each.kind === 'refusal' && each.error.code === 'credentials-refused')) {
    const detail = 'Something answers there and asks for a login before it says whether it can run apps.'
    return { speaks: true, runsApps: null, detail }
  }
  if (speaks) return { speaks, runsApps: false, detail: 'An ONVIF camera that lists no services: it cannot run apps.' }
  return { speaks, runsApps: false, detail: 'Something answers there, and it is no ONVIF camera.' }
}

async function readAppSupport(client: OnvifClient, services: Answered<unknown>, signal: AbortSignal): Promise<Verdict> {
  const management = services.kind === 'answer' ? await client.appManagement({ signal }) : null
  if (management === null) {
    return verdict(false, 'An ONVIF camera without application management (the AppMgmt service): it cannot run apps.')
  }
  const capabilities = await answered(management.getServiceCapabilities({ signal }))
  if (capabilities.kind === 'refusal') {
    return verdict(
      null,
      `An ONVIF camera with application management that does not say what it takes: ${capabilities.error.message}`,
    )
  }
  const { formats } = capabilities.value
  if (appFormatsOf(formats).length > 0) return verdict(true, 'An ONVIF camera that can run Android apps (.apk).')
  return verdict(
    false,
    `An ONVIF camera with application management that takes no .apk, only: ${formats.join(', ') || 'nothing named'}.`,
  )
}

const verdict = (runsApps: boolean | null, detail: string): Verdict => ({ speaks: true, runsApps, detail })

/** What a camera answered, good or bad. What kept it from answering is thrown. */
async function answered<Value>(call: Promise<Value>): Promise<Answered<Value>> {
  try {
    return { kind: 'answer', value: await call }
  } catch (error) {
    const hasAnswered = ['credentials-refused', 'unsupported', 'rejected', 'bad-reply']
    if (isOnvifError(error) && hasAnswered.includes(error.code)) return { kind: 'refusal', error }
    throw error
  }
}
