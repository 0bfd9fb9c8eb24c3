import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CameraTls, Credentials } from '@ocelli/camera-http'
import { type AppManagement, createAppManagement } from './app-management.ts'
import { type AppStateEvent, type AppStateSubscription, subscribeAppStates } from './app-state-events.ts'
import { parseCameraAddress, requestTarget } from './camera-address.ts'
import { createCameraSession } from './camera-session.ts'
import * as device from './device-service.ts'
import { NAMESPACE } from './namespaces.ts'
import { OnvifError } from './onvif-error.ts'
import { type CallOptions, isMissingOperation } from './service-call.ts'
import * as users from './user-service.ts'

export type OnvifClientOptions = {
  /** `http(s)://host[:port]`, with a path only when the device service is not at `/onvif/device_service`. */
  address: string
  credentials?: Credentials | undefined
  tls?: CameraTls
  /** For one exchange with the camera, uploads and event pulls apart. Default 30 s. */
  timeoutMs?: number
  /** Default 5 s. */
  connectTimeoutMs?: number
  clock?: () => Date
  random?: (bytes: number) => Uint8Array
}

/**
 * One camera over ONVIF. One request is in flight at a time; the way of logging in, the services and the camera's clock are
 * remembered. Every method throws `OnvifError`. After a refused login the client asks for nothing more that needs one: make a new
 * client for new credentials.
 */
export type OnvifClient = {
  getSystemDateAndTime(options?: CallOptions): Promise<device.SystemDateAndTime>
  setSystemDateAndTime(date: Date, options?: CallOptions): Promise<void>
  /** Remembered; `isRefresh` asks the camera again. Falls back to GetCapabilities, which cannot name app management. */
  getServices(options?: CallOptions & { isRefresh?: boolean }): Promise<device.Service[]>
  getDeviceInformation(options?: CallOptions): Promise<device.DeviceInformation>
  getUsers(options?: CallOptions): Promise<users.CameraUser[]>
  /** The client's own login is not changed by it: make a new client for the new password. */
  setUser(user: users.CameraUser & { password: string }, options?: CallOptions): Promise<void>
  getUserCapabilities(options?: CallOptions): Promise<users.UserCapabilities>
  getPasswordComplexity(options?: CallOptions): Promise<users.PasswordComplexity>
  getScopes(options?: CallOptions): Promise<device.Scope[]>
  getEndpointReference(options?: CallOptions): Promise<string>
  getNetworkInterfaces(options?: CallOptions): Promise<device.NetworkInterface[]>
  /** Null when the camera has no application management. */
  appManagement(options?: CallOptions): Promise<AppManagement | null>
  /** Begins to collect app states at the camera. `lifetimeMs`: how long the camera keeps it between pulls (default 10 minutes). */
  subscribeAppStates(options?: CallOptions & { lifetimeMs?: number }): Promise<AppStateSubscription>
  /** App states until the signal ends the iteration. Between pulls of a second the camera is free for other calls. */
  appStateEvents(options: { signal: AbortSignal; pauseMs?: number }): AsyncIterable<AppStateEvent>
  /** Logins that carried credentials and were refused, since the client was made. */
  readonly refusedLogins: number
}

/** A client for the camera at `options.address`; nothing is sent before the first call. Throws OnvifError for an address that is none. */
export function createOnvifClient(options: OnvifClientOptions): OnvifClient {
  const address = parseCameraAddress(options.address)
  const timeoutMs = options.timeoutMs ?? 30_000
  const session = createCameraSession({
    address,
    credentials: options.credentials,
    tls: options.tls ?? {},
    timeouts: {
      connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
      idleTimeoutMs: timeoutMs,
      totalTimeoutMs: timeoutMs,
    },
    clock: options.clock ?? (() => new Date()),
    random: options.random ?? randomBytes,
  })
  const service = { session, target: address.devicePath, namespace: NAMESPACE.device, prefix: 'tds' }
  let services: device.Service[] | undefined

  async function getServices(call: CallOptions & { isRefresh?: boolean } = {}): Promise<device.Service[]> {
    const { isRefresh = false, signal } = call
    if (services === undefined || isRefresh) services = await askServices({ signal })
    return services
  }

  async function askServices(call: CallOptions): Promise<device.Service[]> {
    try {
      return await device.getServices(service, call)
    } catch (error) {
      if (!isMissingOperation(error)) throw error
      return await device.getServicesFromCapabilities(service, call).catch((second: unknown) => {
        // The first refusal says more about the camera than that of the older operation.
        throw isMissingOperation(second) ? error : second
      })
    }
  }

  async function appManagement(call: CallOptions = {}): Promise<AppManagement | null> {
    const found = (await getServices(call)).find((each) => each.namespace === NAMESPACE.appManagement)
    if (found === undefined) return null
    const target = requestTarget(found.xAddr, address.devicePath)
    return createAppManagement(
      { session, target, namespace: NAMESPACE.appManagement, prefix: 'ans' },
      found.capabilities,
    )
  }

  async function subscribe(call: CallOptions & { lifetimeMs?: number } = {}): Promise<AppStateSubscription> {
    const { lifetimeMs = 600_000, signal } = call
    const found = (await getServices({ signal })).find((each) => each.namespace === NAMESPACE.events)
    if (found === undefined) throw new OnvifError('events-unsupported', 'The camera has no event service.')
    return subscribeAppStates({ session, target: requestTarget(found.xAddr, address.devicePath), lifetimeMs, signal })
  }

  async function* appStateEvents({ signal, pauseMs = 5_000 }: { signal: AbortSignal; pauseMs?: number }) {
    const subscription = await subscribe({ signal })
    try {
      while (!signal.aborted) {
        yield* await subscription.pull({ waitMs: 1_000, signal })
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      // The caller's signal is over by now; a camera that does not answer lets the subscription lapse by itself.
      await subscription.close({ signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
    }
  }

  return {
    getSystemDateAndTime: (call = {}) => device.getSystemDateAndTime(service, session.clock, call),
    setSystemDateAndTime: (date, call = {}) => device.setSystemDateAndTime(service, date, call),
    getServices,
    getDeviceInformation: (call = {}) => device.getDeviceInformation(service, call),
    getUsers: (call = {}) => users.getUsers(service, call),
    setUser: (user, call = {}) => users.setUser(service, user, call),
    getUserCapabilities: async (call = {}) => users.userCapabilitiesOf(await getServices(call)),
    getPasswordComplexity: (call = {}) => users.getPasswordComplexity(service, call),
    getScopes: (call = {}) => device.getScopes(service, call),
    getEndpointReference: (call = {}) => device.getEndpointReference(service, call),
    getNetworkInterfaces: (call = {}) => device.getNetworkInterfaces(service, call),
    appManagement,
    subscribeAppStates: subscribe,
    appStateEvents,
    get refusedLogins() {
      return session.refusedLogins
    },
  }
}
