import type { FaultSet, Reboot } from '../faults.ts'
import { faults as soapFaults } from '../soap/soap-fault.ts'
import type { Timers } from '../time.ts'
import type { InstalledApp } from './app.ts'
import type { AppStore } from './app-store.ts'
import type { Licensing } from './licensing.ts'

export interface Lifecycle {
  activate(appId: string): Promise<void>
  deactivate(appId: string): void
  /** Returns at once; the app is gone a while later. */
  uninstall(appId: string): void
  installLicense(appId: string, text: string): Promise<void>
  /** The app of that id. Throws SoapFault UnknownId. */
  appNamed(appId: string): InstalledApp
  /** Stops the running apps that may not run any more, by their licenses and the clock. */
  stopUnlicensed(): Promise<void>
}

export interface LifecycleOptions {
  store: AppStore
  licensing: Licensing
  faults: FaultSet
  timers: Timers
  uninstallMs: number
  reboot: (plan: Reboot) => void
}

/** Start, stop, removal and licenses of installed apps. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const { store, licensing, faults, timers, uninstallMs, reboot } = options

  function appNamed(appId: string): InstalledApp {
    const app = store.find(appId)
    if (app === undefined) throw soapFaults.invalidValue('UnknownId', `There is no app ${appId} on this camera.`)
    return app
  }

  function settledApp(appId: string, wish: string): InstalledApp {
    const app = appNamed(appId)
    if (app.state === 'Installing' || app.state === 'Uninstalling') {
      throw soapFaults.action(`The app ${appId} is ${app.state} and cannot be ${wish} now.`)
    }
    return app
  }

  function start(app: InstalledApp): void {
    app.autostart = true
    store.enter(app, 'Active')
    const fallsBackMs = faults.get('appFallsBackMs')
    if (fallsBackMs === undefined) return
    timers.after(fallsBackMs, () => {
      if (store.find(app.appId) === app && app.state === 'Active') {
        store.enter(app, 'Inactive', 'The app ended by itself.')
      }
    })
  }

  async function activate(appId: string): Promise<void> {
    const rebooting = faults.takeReboot('activate')
    if (rebooting === null || rebooting.inFlight === 'completed') await startLicensed(appId)
    if (rebooting !== null) reboot(rebooting)
  }

  async function startLicensed(appId: string): Promise<void> {
    if (settledApp(appId, 'started').state === 'Active') return
    const refusal = await licensing.refusalToRun(appNamed(appId))
    // Judging took a while, in which another client may have begun something else.
    const app = settledApp(appId, 'started')
    if (app.state !== 'Inactive') return
    if (refusal === null) return start(app)
    store.enter(app, 'Inactive', refusal)
    throw soapFaults.action(refusal)
  }

  function deactivate(appId: string): void {
    const app = settledApp(appId, 'stopped')
    app.autostart = false
    if (app.state === 'Active') store.enter(app, 'Inactive')
  }

  function uninstall(appId: string): void {
    const app = appNamed(appId)
    if (app.state === 'Installing') throw soapFaults.action(`The app ${appId} is Installing and cannot be removed now.`)
    app.autostart = false
    if (app.state !== 'Uninstalling') store.enter(app, 'Uninstalling')
    if (faults.get('uninstallNeverFinishes')) return
    timers.after(uninstallMs, () => {
      if (store.find(appId) === app) store.remove(app, 'Removed')
    })
  }

  async function installLicense(appId: string, text: string): Promise<void> {
    const license = await licensing.accept(appNamed(appId), text)
    const app = appNamed(appId)
    app.licenses = [...app.licenses.filter((one) => one.licenseId !== license.licenseId), license]
    store.touch()
  }

  async function stopUnlicensed(): Promise<void> {
    for (const app of store.all()) {
      if (app.state !== 'Active' || isForeign(app)) continue
      const refusal = await licensing.refusalToRun(app)
      if (refusal !== null && store.find(app.appId) === app && app.state === 'Active')
        store.enter(app, 'Inactive', refusal)
    }
  }

  return { activate, deactivate, uninstall, installLicense, appNamed, stopUnlicensed }
}

/** Put there running, by hand and without a package: what it runs on is between its maker and the technician. */
const isForeign = ({ signer, licenses }: InstalledApp): boolean => signer === null && licenses.length === 0
