import { randomBytes } from 'node:crypto'
import { createAppStore } from './apps/app-store.ts'
import { createInstaller } from './apps/installer.ts'
import { createLicenseWatch } from './apps/license-watch.ts'
import { createLicensing } from './apps/licensing.ts'
import { createLifecycle } from './apps/lifecycle.ts'
import { createAppService } from './apps/operations.ts'
import type { CameraUser } from './auth/access.ts'
import { createGatekeeper } from './auth/gatekeeper.ts'
import { createPasswordChanges } from './auth/password-change.ts'
import { createCameraHandle } from './camera-handle.ts'
import { deriveIdentity } from './camera-identity.ts'
import { withDefaults } from './default-options.ts'
import type { DeviceInfo } from './device/device-info.ts'
import { createDeviceService } from './device/operations.ts'
import { createDeviceClock } from './device-clock.ts'
import { createEventHub } from './events/event-hub.ts'
import { createEventServices } from './events/operations.ts'
import { createFaultSet, type Reboot } from './faults.ts'
import { createListener } from './http/listener.ts'
import { createRouter } from './http/router.ts'
import type { CameraOptions, TotalOptions } from './options.ts'
import { createPower } from './power.ts'
import { createRequestLog } from './request-log.ts'
import type { SimulatedCamera } from './simulated-camera.ts'
import { loadState, type SavedState, saveState } from './state-file.ts'
import { createTimers } from './time.ts'
import { createSelfSigned } from './tls/self-signed.ts'

// The time that a token stays good for, either way; devices in the field use 5 to 300 s.
const createdWindowMs = 60_000
const nonceLifeMs = 5 * 60_000
// A reboot set off by a client begins a moment after its reply.
const rebootDelayMs = 10

/** Starts a camera; resolves when it answers. Rejects when the port is taken or the state file is not one. */
export async function createCamera(given: CameraOptions): Promise<SimulatedCamera> {
  const options = withDefaults(given)
  const saved = options.stateFile === null ? null : loadState(options.stateFile)
  if (saved !== null && saved.deviceId !== options.deviceId) {
    throw new TypeError(`${options.stateFile} is the state of camera ${saved.deviceId}, not of ${options.deviceId}.`)
  }
  const camera = compose(options, saved)
  await camera.begin()
  return camera.handle
}

function compose(options: TotalOptions, saved: SavedState | null) {
  const { time } = options
  const faults = createFaultSet(options.faults)
  const timers = createTimers(time)
  const log = createRequestLog()
  const { user, password } = saved?.credentials ?? options
  const owner = { deviceId: options.deviceId, user, password, writes: 0 }
  const deviceId = () => faults.get('deviceId') ?? owner.deviceId
  const clock = createDeviceClock({
    time,
    offsetMs: saved?.clockOffsetMs ?? options.clockOffsetMs,
    faultOffsetMs: () => faults.get('clockOffsetMs') ?? 0,
  })
  const authentication = () => faults.get('auth') ?? options.auth
  const others = options.users.map((one) => ({ ...one }))
  const users = (): CameraUser[] => [
    { username: owner.user, password: owner.password, level: 'Administrator' },
    ...others,
  ]
  function changeUser(changed: CameraUser): void {
    if (changed.username === owner.user) owner.password = changed.password
    else Object.assign(others.find(({ username }) => username === changed.username) ?? {}, changed)
    save()
  }
  const info = () => describe(options, owner.deviceId)
  const hub = createEventHub({ faults, timers, clock, randomBytes })
  const isGiven = ({ user, password }: typeof owner) => user === options.user && password === options.password
  const save = () => {
    if (options.stateFile === null) return
    saveState(options.stateFile, {
      deviceId: options.deviceId,
      apps: store.all(),
      clockOffsetMs: clock.offsetMs(),
      reboots: power.reboots(),
      credentials: isGiven(owner) ? null : { user: owner.user, password: owner.password },
      tls,
    })
  }
  const store = createAppStore({ initial: saved?.apps ?? [], onChange: hub.publish, onSave })
  function onSave() {
    save()
    watch.schedule()
  }
  const gatekeeper = createGatekeeper({
    users,
    realm: () => `${options.manufacturer} ${options.model}`,
    mode: authentication,
    challengeShape: () => faults.get('challengeShape') ?? { qop: 'auth', algorithm: 'token' },
    lockout: options.lockout,
    nonceLifeMs,
    createdWindowMs,
    nowMs: time.nowMs,
    deviceNowMs: clock.nowMs,
    randomBytes,
  })
  const licensing = createLicensing({
    trust: options.trust,
    licenseRequired: options.licenseRequired,
    deviceId,
    deviceNow: clock.date,
  })
  const reboot = ({ downMs, resetsClock = false }: Pick<Reboot, 'downMs' | 'resetsClock'>) => {
    if (resetsClock) clock.set(0)
    return power.reboot(downMs)
  }
  const lifecycle = createLifecycle({ store, licensing, faults, timers, uninstallMs: options.uninstallMs, reboot })
  const { stopUnlicensed } = lifecycle
  const watch = createLicenseWatch({ store, timers, deviceNowMs: clock.nowMs, stopUnlicensed })
  const installer = createInstaller({ ...options, store, lifecycle, faults, timers, deviceNowMs: clock.nowMs, reboot })
  const tls = options.https ? (saved?.tls ?? createSelfSigned(certificateSubject(options))) : null
  const address = () => ({ host: options.host, port: listener.port(), isSecure: tls !== null })
  const onWrite = () => {
    owner.writes += 1
  }
  const hasConfiguration = (appId: string) =>
    options.configurable === 'all' || (options.configurable !== 'none' && options.configurable.includes(appId))
  const router = createRouter({
    faults,
    time,
    log,
    power: () => power.signal(),
    services: {
      device: createDeviceService({
        info,
        clock,
        faults,
        authentication,
        syncClock: () => clock.set(time.nowMs()),
        onClockSet() {
          save()
          void watch.recheck()
        },
        rebootSoon: () => timers.after(rebootDelayMs, () => reboot(options)),
        address,
        users: { list: users, change: changeUser },
        passwords: createPasswordChanges({ faults, timers }),
      }),
      apps: createAppService({ store, lifecycle, deviceId, hasConfiguration }),
      ...createEventServices({ hub, store, clock, faults }),
    },
    soap: { gatekeeper, faults, isLenient: options.lenient, onWrite },
    configuration: { gatekeeper, store, hasConfiguration, onWrite },
    upload: {
      ...options,
      freeBytes: () => options.freeBytes - store.usedBytes(),
      gatekeeper,
      faults,
      installer,
      onWrite,
      reboot,
    },
  })
  const listener = createListener({ host: options.host, port: options.port, tls, faults, onRequest: router })
  const power = createPower({
    listener,
    time,
    reboots: saved?.reboots ?? 0,
    beforeDown() {
      hub.reset()
      gatekeeper.restart()
      store.settle()
      // last: what is saved on the way down is watched for the end of its license
      timers.cancelAll()
    },
    afterUp: watch.recheck,
  })
  const handle = createCameraHandle({
    options,
    owner,
    info,
    deviceId,
    address,
    tls,
    faults,
    store,
    hub,
    clock,
    gatekeeper,
    log,
    power,
    timers,
    reboot,
    onClockFault: watch.recheck,
  })
  return { handle, begin: power.begin }
}

function certificateSubject({ host, model }: TotalOptions) {
  const isWildcard = host === '0.0.0.0' || host === '::'
  return { commonName: model, hosts: [...new Set(['localhost', '127.0.0.1', ...(isWildcard ? [] : [host])])] }
}

function describe(options: TotalOptions, deviceId: string): DeviceInfo {
  const derived = deriveIdentity(deviceId)
  return {
    manufacturer: options.manufacturer,
    model: options.model,
    firmwareVersion: options.firmwareVersion,
    serialNumber: options.serialNumber ?? derived.serialNumber,
    macAddress: options.macAddress ?? derived.macAddress,
    endpointId: derived.endpointId,
  }
}
