import type { AppStore } from './apps/app-store.ts'
import type { Gatekeeper } from './auth/gatekeeper.ts'
import { type DeviceInfo, paths, scopesOf } from './device/device-info.ts'
import type { DeviceClock } from './device-clock.ts'
import type { EventHub } from './events/event-hub.ts'
import type { FaultSet } from './faults.ts'
import type { TlsIdentity } from './http/listener.ts'
import type { TotalOptions } from './options.ts'
import type { Power } from './power.ts'
import type { RequestLog } from './request-log.ts'
import type { ForeignApp, SimulatedApp, SimulatedCamera } from './simulated-camera.ts'
import type { Timers } from './time.ts'

export interface CameraParts {
  options: TotalOptions
  owner: { deviceId: string; user: string; password: string; writes: number }
  info: () => DeviceInfo
  deviceId: () => string
  address: () => { host: string; port: number; isSecure: boolean }
  tls: TlsIdentity | null
  faults: FaultSet
  store: AppStore
  hub: EventHub
  clock: DeviceClock
  gatekeeper: Gatekeeper
  log: RequestLog
  power: Power
  timers: Timers
  /** Called when a fault may have changed the time. */
  onClockFault: () => Promise<void>
  reboot: (plan: { downMs: number; resetsClock?: boolean }) => Promise<void>
}

/** What tests and the command line hold of a camera. */
export function createCameraHandle(parts: CameraParts): SimulatedCamera {
  const { options, owner, info, store, gatekeeper, power, clock } = parts
  return {
    get url() {
      const { host, port, isSecure } = parts.address()
      const name = host.includes(':') ? `[${host}]` : host
      return `${isSecure ? 'https' : 'http'}://${name}:${port}${paths.device}`
    },
    get port() {
      return parts.address().port
    },
    get deviceId() {
      return parts.deviceId()
    },
    get endpointId() {
      return info().endpointId
    },
    get scopes() {
      return scopesOf(info())
    },
    isSecure: parts.tls !== null,
    certificate: parts.tls?.certificate ?? null,
    requests: parts.log.entries,
    get refusedLogins() {
      return gatekeeper.refusedLogins()
    },
    get isLockedOut() {
      return gatekeeper.isLockedOut()
    },
    get writes() {
      return owner.writes
    },
    get reboots() {
      return power.reboots()
    },
    get isUp() {
      return power.isUp()
    },
    onUp: power.onUp,
    now: clock.date,
    apps: () => listApps(store),
    installApp: (app) => putApp(app, store, clock.nowMs()),
    configureApp(appId, configuration) {
      const app = store.find(appId)
      if (app === undefined) throw new TypeError(`There is no app ${appId} on this camera.`)
      app.configuration = configuration
      store.touch()
    },
    removeApp(appId) {
      const app = store.find(appId)
      if (app !== undefined) store.remove(app, 'Removed')
    },
    get faults() {
      return parts.faults.all()
    },
    setFault(name, value) {
      parts.faults.set(name, value)
      if (name === 'clockOffsetMs') void parts.onClockFault()
    },
    clearFault(name) {
      parts.faults.clear(name)
      void parts.onClockFault()
    },
    clearFaults() {
      parts.faults.clearAll()
      void parts.onClockFault()
    },
    setDeviceId(deviceId) {
      owner.deviceId = deviceId
    },
    setCredentials({ user, password }) {
      Object.assign(owner, { user, password })
      store.touch()
    },
    clearRequests: parts.log.clear,
    factoryReset() {
      parts.timers.cancelAll()
      Object.assign(owner, { user: options.user, password: options.password })
      store.clear()
      clock.set(options.time.nowMs() + options.clockOffsetMs)
      return power.reboot(0)
    },
    reboot: ({ downMs = options.downMs, resetsClock = false } = {}) => parts.reboot({ downMs, resetsClock }),
    close: power.end,
  }
}

function listApps(store: AppStore): SimulatedApp[] {
  return store.all().map(({ appId, name, version, state, status, licenses, configuration = '' }) => ({
    configuration,
    appId,
    name,
    version,
    state,
    status,
    licenses: licenses.map(({ licenseId, licenseType, validUntilMs }) => ({
      licenseId,
      licenseType,
      validUntil: validUntilMs === null ? null : new Date(validUntilMs),
    })),
  }))
}

function putApp(app: ForeignApp, store: AppStore, nowMs: number): void {
  const { appId, name = appId, version = '1.0', versionCode = 0, state = 'Inactive' } = app
  store.add({
    appId,
    name,
    version,
    versionCode,
    signer: null,
    sizeBytes: 0,
    state,
    status: '',
    licenses: [],
    installedMs: nowMs,
    updatedMs: nowMs,
    autostart: state === 'Active',
    previous: null,
  })
}
