import type { FaultSet } from '../faults.ts'
import type { Timers } from '../time.ts'
import type { AxisApp, AxisAppShelf, AxisLicenseState } from './axis-app.ts'
import type { AxisOs } from './axis-os.ts'
import type { OwnLicenses } from './own-license.ts'

/** Starts and stops apps, and says what list.cgi says of their licenses. */
export interface AppRuns {
  start(app: AxisApp): void
  stop(app: AxisApp): void
  licenseState(app: AxisApp): AxisLicenseState
  /** True when no more apps may run on this camera. */
  isFull(): boolean
}

export interface AppRunsOptions {
  os: AxisOs
  shelf: AxisAppShelf
  faults: FaultSet
  timers: Timers
  licenses: OwnLicenses
  serialNumber: () => string
  deviceNowMs: () => number
  /** Called when an app has ended by itself. */
  onEnd: () => void
}

// An app without a valid license is started, asks for its license and ends.
const unlicensedEndsMs = 20

export function createAppRuns(options: AppRunsOptions): AppRuns {
  const { os, shelf, faults, timers, licenses, serialNumber, deviceNowMs, onEnd } = options

  function licenseState(app: AxisApp): AxisLicenseState {
    if (app.copyProtection === 'none') return 'None'
    if (app.copyProtection === 'custom') return 'Custom'
    const key = app.licenseKey
    if (key === null) return 'Missing'
    const isFor = key.applicationId === app.applicationId && key.deviceId === serialNumber()
    return isFor && !isExpired(key.expires, deviceNowMs()) ? 'Valid' : 'Invalid'
  }

  function endSoon(app: AxisApp, afterMs: number, line: string): void {
    timers.after(afterMs, () => {
      if (shelf.find(app.name) !== app || app.status === 'Stopped') return
      app.status = 'Stopped'
      log(app, line)
      onEnd()
    })
  }

  function log(app: AxisApp, line: string): void {
    app.log.push(`${new Date(deviceNowMs()).toISOString()} ${app.name}: ${line}`)
  }

  return {
    licenseState,
    isFull: () =>
      os.maxRunning !== null && shelf.all().filter(({ status }) => status === 'Running').length >= os.maxRunning,
    start(app) {
      app.status = 'Running'
      log(app, 'started')
      const license = licenseState(app)
      if (license === 'Missing' || license === 'Invalid')
        endSoon(app, unlicensedEndsMs, `ended: license ${license.toLowerCase()}`)
      licenses.isLicensed(app).then((isLicensed) => {
        if (!isLicensed) endSoon(app, unlicensedEndsMs, 'ended: no license that it believes')
        else if (app.copyProtection === 'custom') log(app, 'license accepted')
      })
      const fallsBackMs = faults.get('appFallsBackMs')
      if (fallsBackMs !== undefined) endSoon(app, fallsBackMs, 'ended with exit code 1')
    },
    stop(app) {
      app.status = 'Stopped'
      log(app, 'stopped')
    },
  }
}

/** The day that a key names still counts. */
export function isExpired(expires: string | null, nowMs: number): boolean {
  return expires !== null && Date.parse(`${expires}T23:59:59.999Z`) < nowMs
}
