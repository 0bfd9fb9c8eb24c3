import { paths, scopesOf } from '../device/device-info.ts'
import type { DeviceClock } from '../device-clock.ts'
import type { DiscoverableCamera } from '../discovery/responder.ts'
import type { FaultSet } from '../faults.ts'
import type { Listener, TlsIdentity } from '../http/listener.ts'
import type { Power } from '../power.ts'
import type { RequestLog } from '../request-log.ts'
import type { ForeignApp } from '../simulated-camera.ts'
import type { AppSwitches } from './app-cgis.ts'
import type { AppRuns } from './app-runs.ts'
import type { AxisAppShelf } from './axis-app.ts'
import type { AxisGate } from './axis-gate.ts'
import type { AxisUser, TotalAxisOptions } from './axis-options.ts'
import type { AxisOs } from './axis-os.ts'
import type { OnvifSide } from './onvif-side.ts'
import type { SimulatedAxisCamera } from './simulated-axis-camera.ts'

/** What changes over the life of a camera. */
export interface AxisState {
  serialNumber: string
  users: AxisUser[]
  switches: AppSwitches
  writes: number
  bootId: string
  upSinceMs: number
}

export interface AxisParts {
  options: TotalAxisOptions
  os: AxisOs
  state: AxisState
  tls: TlsIdentity | null
  faults: FaultSet
  shelf: AxisAppShelf
  runs: AppRuns
  clock: DeviceClock
  gate: AxisGate
  log: RequestLog
  power: Power
  listener: Listener
  deviceId: () => string
  onvifSide: OnvifSide
  reboot: (plan: { downMs: number; resetsClock?: boolean }) => Promise<void>
  resetSettings: () => void
  save: () => void
}

/** What tests and the command line hold of an Axis camera. */
export function createAxisHandle(parts: AxisParts): SimulatedAxisCamera {
  const { options, os, state, tls, faults, shelf, clock, gate, log, power, listener } = parts
  const address = () => {
    const host = options.host.includes(':') ? `[${options.host}]` : options.host
    return `${tls === null ? 'http' : 'https'}://${host}:${listener.port()}`
  }
  return {
    kind: 'axis',
    get url() {
      return address()
    },
    get port() {
      return listener.port()
    },
    get deviceId() {
      return parts.deviceId()
    },
    osVersion: os.version,
    model: options.model,
    isSecure: tls !== null,
    certificate: tls?.certificate ?? null,
    requests: log.entries,
    get refusedLogins() {
      return gate.refusedLogins()
    },
    get isLockedOut() {
      return gate.isLockedOut()
    },
    get writes() {
      return state.writes
    },
    get isUp() {
      return power.isUp()
    },
    get reboots() {
      return power.reboots()
    },
    get bootId() {
      return state.bootId
    },
    get needsSetup() {
      return state.users.length === 0
    },
    onvif: createOnvifView(parts, address),
    onUp: power.onUp,
    now: clock.date,
    apps: () => listApps(parts),
    installApp(app) {
      putApp(app, shelf)
      parts.save()
    },
    removeApp(appId) {
      shelf.remove(appId)
      parts.save()
    },
    get faults() {
      return faults.all()
    },
    setFault: faults.set,
    clearFault: faults.clear,
    clearFaults: faults.clearAll,
    setDeviceId(serialNumber) {
      state.serialNumber = serialNumber
    },
    setCredentials({ user, password }) {
      state.users[0] = { user, password, group: 'administrator' }
      parts.save()
    },
    setAllowUnsigned(isAllowed) {
      state.switches.allowUnsigned = isAllowed
      parts.save()
    },
    clearRequests: log.clear,
    factoryReset() {
      parts.resetSettings()
      return power.reboot(0)
    },
    reboot: ({ downMs = options.downMs, resetsClock = false } = {}) => parts.reboot({ downMs, resetsClock }),
    close: power.end,
  }
}

function createOnvifView({ onvifSide, power, listener }: AxisParts, address: () => string): DiscoverableCamera {
  return {
    get url() {
      return `${address()}${paths.device}`
    },
    get port() {
      return listener.port()
    },
    get endpointId() {
      return onvifSide.info().endpointId
    },
    get scopes() {
      return scopesOf(onvifSide.info())
    },
    get isUp() {
      return power.isUp()
    },
    get reboots() {
      return power.reboots()
    },
    onUp: power.onUp,
  }
}

function listApps({ shelf, runs }: AxisParts): ReturnType<SimulatedAxisCamera['apps']> {
  return shelf.all().map((app) => ({
    appId: app.name,
    name: app.niceName ?? app.name,
    version: app.version,
    state: app.status,
    license: runs.licenseState(app),
    licenseExpires: app.licenseKey?.expires ?? null,
    isSigned: app.isSigned,
    parameters: Object.fromEntries(app.parameters.map(({ name, value }) => [name, value])),
    received: Object.fromEntries(app.received),
  }))
}

function putApp({ appId, name = appId, version = '4.5-2', state = 'Inactive' }: ForeignApp, shelf: AxisAppShelf): void {
  shelf.put({
    name: appId,
    niceName: name,
    vendor: 'Axis Communications',
    version,
    applicationId: null,
    vendorId: null,
    copyProtection: 'none',
    licenseKey: null,
    licenseName: 'Proprietary',
    status: state === 'Active' ? 'Running' : 'Stopped',
    settingPage: 'config.html',
    isSigned: true,
    isBundled: true,
    compatibleOsVersions: [],
    parameters: [],
    httpPaths: [],
    received: new Map(),
    sizeBytes: 0,
    log: [],
  })
}
