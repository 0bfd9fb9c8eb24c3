import { randomBytes, randomUUID } from 'node:crypto'
import { createPasswordChanges } from '../auth/password-change.ts'
import { createDeviceClock } from '../device-clock.ts'
import { createFaultSet, type Reboot } from '../faults.ts'
import { createListener } from '../http/listener.ts'
import { createPower } from '../power.ts'
import { createRequestLog } from '../request-log.ts'
import { createTimers } from '../time.ts'
import { createSelfSigned } from '../tls/self-signed.ts'
import { createAccountCgi } from './account-cgi.ts'
import { createAppCgis } from './app-cgis.ts'
import { findAppPath } from './app-paths.ts'
import { createAppRuns } from './app-runs.ts'
import { createAppShelf } from './axis-app.ts'
import { describeAxis } from './axis-facts.ts'
import { createAxisGate } from './axis-gate.ts'
import { type AxisState, createAxisHandle } from './axis-handle.ts'
import type { AxisCameraOptions, TotalAxisOptions } from './axis-options.ts'
import { axisOs } from './axis-os.ts'
import { createAxisRouter } from './axis-router.ts'
import { loadAxisState, type SavedAxisState, saveAxisState } from './axis-state-file.ts'
import type { CgiTable } from './cgi.ts'
import { withAxisDefaults } from './default-axis-options.ts'
import { createDeviceCgis } from './device-cgis.ts'
import { createEapInstaller } from './eap-installer.ts'
import { createLicenseCgi } from './license-cgi.ts'
import { createOnvifSide } from './onvif-side.ts'
import { createOwnLicenses } from './own-license.ts'
import { createParamCgi } from './param-cgi.ts'
import type { SimulatedAxisCamera } from './simulated-axis-camera.ts'
import { createUploadCgi } from './upload-cgi.ts'

// A restart that a client asked for begins a moment after its reply.
const rebootDelayMs = 10

/** Starts an Axis camera; resolves when it answers. Rejects when the port is taken, throws TypeError for bad options. */
export async function createAxisCamera(given: AxisCameraOptions): Promise<SimulatedAxisCamera> {
  const options = withAxisDefaults(given)
  const saved = options.stateFile === null ? null : loadAxisState(options.stateFile)
  if (saved !== null && saved.serialNumber !== options.serialNumber) {
    throw new TypeError(`${options.stateFile} is the state of ${saved.serialNumber}, not of ${options.serialNumber}.`)
  }
  const camera = compose(options, saved)
  await camera.begin()
  return camera.handle
}

function compose(options: TotalAxisOptions, saved: SavedAxisState | null) {
  const { time } = options
  const os = axisOs(options.os)
  const faults = createFaultSet(options.faults)
  const timers = createTimers(time)
  const log = createRequestLog()
  const shelf = createAppShelf(saved?.apps ?? [])
  const settings = saved === null ? freshSettings(options) : { users: [...saved.users], switches: saved.switches }
  const state: AxisState = { ...settings, serialNumber: options.serialNumber, writes: 0, ...boot() }
  const deviceId = () => faults.get('deviceId') ?? state.serialNumber
  const facts = () => describeAxis(options, os, deviceId())
  const needsSetup = () => state.users.length === 0
  const clock = createDeviceClock({
    time,
    offsetMs: saved?.clockOffsetMs ?? options.clockOffsetMs,
    faultOffsetMs: () => faults.get('clockOffsetMs') ?? 0,
  })
  const deviceNowMs = clock.nowMs
  const subject = { commonName: `axis-${options.serialNumber}`, hosts: [options.host] }
  const tls = options.https ? (saved?.tls ?? createSelfSigned(subject)) : null
  const gate = createAxisGate({
    users: () => state.users,
    realm: () => `AXIS_${deviceId()}`,
    policy: () => options.authenticationPolicy,
    isSecure: tls !== null,
    basicOnlyOverHttps: os.basicOnlyOverHttps,
    shape: () =>
      faults.get('challengeShape') ??
      (os.challenge === 'full'
        ? { qop: 'auth', algorithm: 'token' }
        : { qop: 'absent', algorithm: 'absent', opaque: 'absent' }),
    lockout: options.lockout,
    nowMs: time.nowMs,
    randomBytes,
  })
  const save = () => {
    if (options.stateFile === null) return
    saveAxisState(options.stateFile, {
      kind: 'axis',
      serialNumber: options.serialNumber,
      users: state.users,
      switches: state.switches,
      apps: shelf.all(),
      clockOffsetMs: clock.offsetMs(),
      reboots: power.reboots(),
      tls,
    })
  }
  const reboot = ({ downMs, resetsClock = false }: Pick<Reboot, 'downMs' | 'resetsClock'>) => {
    if (resetsClock) clock.set(0)
    return power.reboot(downMs)
  }
  const licenses = createOwnLicenses({ trust: options.trust, serialNumber: deviceId, deviceNow: clock.date })
  const runs = createAppRuns({ os, shelf, faults, timers, licenses, serialNumber: deviceId, deviceNowMs, onEnd: save })
  const installer = createEapInstaller({ ...options, os, shelf, runs, switches: state.switches, faults, reboot })
  const rebootSoon = () => void timers.after(rebootDelayMs, () => reboot(options))
  const onWrite = () => {
    state.writes += 1
  }
  const passwords = createPasswordChanges({ faults, timers })
  const onvifSide = createOnvifSide({
    options,
    os,
    serialNumber: deviceId,
    clock,
    faults,
    passwords,
    address: () => ({ host: options.host, port: listener.port(), isSecure: tls !== null }),
    rebootSoon,
    onWrite,
  })
  const cgis: CgiTable = {
    ...createDeviceCgis({
      os,
      facts,
      time,
      msUntilReady: () => state.upSinceMs + options.readyAfterMs - time.nowMs(),
      uptimeMs: () => time.nowMs() - state.upSinceMs,
      bootId: () => state.bootId,
      needsSetup,
      deviceNowMs,
      rebootSoon,
    }),
    ...createAppCgis({ os, shelf, runs, faults, switches: state.switches, reboot }),
    '/axis-cgi/applications/upload.cgi': createUploadCgi({
      ...options,
      faults,
      installer,
      freeBytes: () => options.flashBytes - shelf.usedBytes(),
      power: () => power.signal(),
      reboot,
    }),
    '/axis-cgi/applications/license.cgi': createLicenseCgi({ shelf, serialNumber: deviceId, deviceNowMs }),
    '/axis-cgi/param.cgi': createParamCgi({ facts, shelf, missingGroupEnding: os.missingGroupEnding }),
    '/axis-cgi/pwdgrp.cgi': createAccountCgi({
      ...{ users: state.users, needsSetup, anyFirstName: os.anyFirstName, passwords },
      onChange: save,
    }),
  }
  const router = createAxisRouter({
    cgiAt: (path) => (Object.hasOwn(cgis, path) ? cgis[path] : findAppPath(path, { shelf, licenses })) ?? null,
    gate,
    faults,
    time,
    log,
    power: () => power.signal(),
    deviceNowMs,
    onWrite,
    onChange: save,
    onvifSide,
  })
  const listener = createListener({ host: options.host, port: options.port, tls, faults, onRequest: router })
  const power = createPower({
    listener,
    time,
    reboots: saved?.reboots ?? 0,
    beforeDown() {
      timers.cancelAll()
      gate.restart()
      onvifSide.gatekeeper.restart()
      save()
    },
    async afterUp() {
      Object.assign(state, boot())
      save()
    },
  })

  function boot() {
    return { bootId: randomUUID(), upSinceMs: time.nowMs() }
  }

  function resetSettings(): void {
    shelf.clear()
    state.users.length = 0
    Object.assign(state.switches, freshSettings(options).switches)
  }

  const handle = createAxisHandle({
    options,
    os,
    state,
    tls,
    faults,
    shelf,
    runs,
    clock,
    gate,
    log,
    power,
    listener,
    deviceId,
    onvifSide,
    reboot,
    resetSettings,
    save,
  })
  return { handle, begin: power.begin }
}

function freshSettings(options: TotalAxisOptions): Pick<AxisState, 'users' | 'switches'> {
  const os = axisOs(options.os)
  const { user, password } = options
  return {
    users: options.needsSetup
      ? []
      : [{ user, password, group: 'administrator' }, ...options.users.map((one) => ({ ...one }))],
    switches: {
      allowUnsigned: options.allowUnsigned ?? os.allowsUnsigned,
      allowRoot: options.allowRoot ?? os.allowsRoot,
    },
  }
}
