import type { DeviceInformation } from '../device-service.ts'
import { createOnvifClient, type OnvifClient } from '../onvif-client.ts'
import { isOnvifError, type OnvifErrorCode } from '../onvif-error.ts'
import type { CallOptions } from '../service-call.ts'
import { plainText } from './scope-facts.ts'

/** What an ONVIF camera tells everybody who asks over HTTP. Null: not told without a login. */
export type CameraDescription = {
  /** The one of the given addresses that answered. */
  address: string
  /** Camera clock minus ours. */
  clockOffsetMs: number | null
  endpointReference: string | null
  /** False: it listed its services and app management is not among them. */
  hasAppManagement: boolean | null
  /** Package formats as the camera names them; null when it has no app management or does not say. */
  formats: string[] | null
  information: DeviceInformation | null
  /** True: it lets everybody read and has no users, as ONVIF Core asks of the factory state. False: it asks for a login. */
  needsFirstPassword: boolean | null
}

export type DescribeOptions = {
  signal: AbortSignal
  /** For one answer, default 4 s, and for a connection, default 2 s. */
  timeoutMs?: number
  connectTimeoutMs?: number
  allowLegacyTls?: boolean
  clock?: () => Date
}

/**
 * Asks the addresses one after the other until an ONVIF camera answers, then what it tells without a login: never sends one. Null
 * when none of them is one. Throws the signal's reason alone.
 */
export async function describeCamera(
  addresses: readonly string[],
  options: DescribeOptions,
): Promise<CameraDescription | null> {
  for (const address of addresses) {
    const client = createOnvifClient({
      address,
      tls: { allowLegacy: options.allowLegacyTls ?? false },
      timeoutMs: options.timeoutMs ?? 4_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    })
    const description = await describe(client, { signal: options.signal })
    options.signal.throwIfAborted()
    if (description !== null) return { address, ...description }
  }
  return null
}

async function describe(client: OnvifClient, call: CallOptions): Promise<Omit<CameraDescription, 'address'> | null> {
  const time = await told(client.getSystemDateAndTime(call))
  if (time.kind === 'silence') return null
  const services = await told(client.getServices(call))
  // Some cameras ask for a login before they tell the time; what answers neither question is no ONVIF camera.
  if (!isOnvif(time) && !isOnvif(services)) return null
  const management = services.kind === 'answer' ? await told(client.appManagement(call)) : services
  const apps = management.kind === 'answer' ? management.value : null
  const capabilities = apps === null ? null : await told(apps.getServiceCapabilities(call))
  const reference = await told(client.getEndpointReference(call))
  const information = await told(client.getDeviceInformation(call))
  return {
    clockOffsetMs: time.kind === 'answer' ? time.value.offsetMs : null,
    endpointReference: reference.kind === 'answer' ? reference.value.slice(0, 255).toLowerCase() : null,
    hasAppManagement: management.kind === 'answer' ? apps !== null : null,
    formats: capabilities?.kind === 'answer' ? capabilities.value.formats : null,
    information: information.kind === 'answer' ? plain(information.value) : null,
    needsFirstPassword: await readFirstPassword(client, { information, call }),
  }
}

async function readFirstPassword(
  client: OnvifClient,
  { information, call }: { information: Told<unknown>; call: CallOptions },
): Promise<boolean | null> {
  if (information.kind === 'refusal') return information.code === 'credentials-refused' ? false : null
  if (information.kind === 'silence') return null
  const users = await told(client.getUsers(call))
  if (users.kind === 'answer') return users.value.length === 0
  return users.kind === 'refusal' && users.code === 'credentials-refused' ? false : null
}

type Told<Value> =
  | { kind: 'answer'; value: Value }
  | { kind: 'refusal'; code: OnvifErrorCode; isSoap: boolean }
  | { kind: 'silence' }

const isOnvif = (told: Told<unknown>): boolean => told.kind === 'answer' || (told.kind === 'refusal' && told.isSoap)

async function told<Value>(call: Promise<Value>): Promise<Told<Value>> {
  try {
    return { kind: 'answer', value: await call }
  } catch (error) {
    if (!isOnvifError(error)) throw error
    const hasAnswered = ['credentials-refused', 'unsupported', 'rejected', 'bad-reply'].includes(error.code)
    return hasAnswered ? { kind: 'refusal', code: error.code, isSoap: error.fault !== undefined } : { kind: 'silence' }
  }
}

function plain(information: DeviceInformation): DeviceInformation {
  const text = (value: string | null) => (value === null ? null : plainText(value) || null)
  return {
    manufacturer: text(information.manufacturer),
    model: text(information.model),
    firmwareVersion: text(information.firmwareVersion),
    serialNumber: text(information.serialNumber),
    hardwareId: text(information.hardwareId),
  }
}
