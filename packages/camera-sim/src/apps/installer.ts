import type { FaultSet, Reboot } from '../faults.ts'
import type { PackageReader } from '../options.ts'
import type { Timers } from '../time.ts'
import type { InstalledApp } from './app.ts'
import type { AppStore } from './app-store.ts'
import type { Lifecycle } from './lifecycle.ts'

type PackageFacts = Awaited<ReturnType<PackageReader>>
type ReadPackage = PackageFacts & { sizeBytes: number }

/** What became of a received package file. `busy`: that app is being installed or removed right now. */
export type Receipt = { kind: 'taken' } | { kind: 'busy'; appId: string }

export interface Installer {
  /** Reads the file and begins to install it; resolves when that has begun. The caller removes the file afterwards. */
  receive(path: string, file: { sizeBytes: number; signal: AbortSignal }): Promise<Receipt>
}

export interface InstallerOptions {
  store: AppStore
  lifecycle: Lifecycle
  faults: FaultSet
  timers: Timers
  readPackage: PackageReader
  platformLevel: number
  architectures: readonly string[]
  installMs: number
  activateAfterInstall: boolean
  deviceNowMs: () => number
  reboot: (plan: Reboot) => void
}

/** Installs and updates. Whatever is wrong with a package is told by an InstallationFailed event, never by HTTP. */
export function createInstaller(options: InstallerOptions): Installer {
  const { store, lifecycle, faults, timers, deviceNowMs } = options

  async function receive(path: string, file: { sizeBytes: number; signal: AbortSignal }): Promise<Receipt> {
    const facts = await readOrFail(path, file.signal)
    if (facts === null) return { kind: 'taken' }
    const read = { ...facts, sizeBytes: file.sizeBytes }
    const present = store.find(read.appId)
    if (present?.state === 'Installing' || present?.state === 'Uninstalling') return { kind: 'busy', appId: read.appId }
    install(begin(read, present), read)
    return { kind: 'taken' }
  }

  async function readOrFail(path: string, signal: AbortSignal): Promise<PackageFacts | null> {
    try {
      return await options.readPackage(path, { signal })
    } catch (error) {
      signal.throwIfAborted()
      const status = error instanceof Error ? error.message : 'The package cannot be read.'
      // The id of an app that cannot be read is not known, and AppMgmt/State has no event without one.
      store.announce({ appId: '', state: 'InstallationFailed', status, operation: 'Deleted' })
      return null
    }
  }

  function begin(read: ReadPackage, present: InstalledApp | undefined): InstalledApp {
    if (present === undefined) {
      const nowMs = deviceNowMs()
      const app: InstalledApp = {
        appId: read.appId,
        ...versionOf(read, options.platformLevel),
        state: 'Installing',
        status: '',
        licenses: [],
        installedMs: nowMs,
        updatedMs: nowMs,
        autostart: false,
        previous: null,
      }
      store.add(app)
      return app
    }
    if (present.state === 'Active') store.enter(present, 'Inactive')
    const { name, version, versionCode, signer, sizeBytes, updatedMs } = present
    present.previous = { name, version, versionCode, signer, sizeBytes, updatedMs }
    store.enter(present, 'Installing')
    return present
  }

  function install(app: InstalledApp, read: ReadPackage): void {
    if (faults.get('installNeverFinishes')) return
    const rebooting = faults.takeReboot('install')
    if (rebooting !== null) {
      timers.after(options.installMs / 2, () => {
        if (rebooting.inFlight === 'completed') finish(app, read)
        options.reboot(rebooting)
      })
      return
    }
    timers.after(options.installMs, () => finish(app, read))
  }

  function finish(app: InstalledApp, read: ReadPackage): void {
    if (store.find(app.appId) !== app || app.state !== 'Installing') return
    const refusal = faults.get('failInstall') ?? findRefusal(app, read)
    if (refusal === null) succeed(app, read)
    else fail(app, refusal)
  }

  function findRefusal(app: InstalledApp, read: ReadPackage): string | null {
    const { platformLevel, architectures } = options
    if (read.minPlatformLevel > platformLevel) {
      return `${read.appId} needs platform level ${read.minPlatformLevel}, this camera has ${platformLevel}.`
    }
    if (!isArchitectureFit(read.architectures, architectures)) {
      return `${read.appId} is for ${read.architectures.join(', ')}, this camera is ${architectures.join(', ')}.`
    }
    if (app.previous === null) return null
    if (app.previous.signer !== null && !signersOf(read, platformLevel).includes(app.previous.signer)) {
      return `${read.appId} is signed by another certificate than the version on this camera.`
    }
    if (read.versionCode < app.previous.versionCode) {
      return `${read.appId} ${read.versionName} is older than the version on this camera, ${app.previous.version}.`
    }
    return null
  }

  function succeed(app: InstalledApp, read: ReadPackage): void {
    Object.assign(app, versionOf(read, options.platformLevel), { previous: null, updatedMs: deviceNowMs() })
    store.enter(app, 'Inactive')
    if (!options.activateAfterInstall) return
    lifecycle.activate(app.appId).catch((error: unknown) => {
      app.status = error instanceof Error ? error.message : String(error)
    })
  }

  function fail(app: InstalledApp, status: string): void {
    if (app.previous === null) {
      store.remove(app, 'InstallationFailed', status)
      return
    }
    Object.assign(app, app.previous, { previous: null })
    store.announce({ appId: app.appId, state: 'InstallationFailed', status, operation: 'Changed' })
    store.enter(app, 'Inactive', status)
  }

  return { receive }
}

function versionOf(read: ReadPackage, platformLevel: number) {
  return {
    name: read.label ?? read.appId,
    version: read.versionName,
    versionCode: read.versionCode,
    signer: signersOf(read, platformLevel)[0] ?? null,
    sizeBytes: read.sizeBytes,
  }
}

/** The certificate that counts on this platform, and those whose apps it may update; none where the package cannot be installed. */
function signersOf({ signer }: ReadPackage, platformLevel: number): string[] {
  if (signer.signatures === undefined) return [signer.certificateSha256]
  const own = signer.signatures.find(
    ({ minLevel, maxLevel }) => minLevel <= platformLevel && (maxLevel === null || platformLevel <= maxLevel),
  )
  if (own === undefined) return []
  const replaced = own.lineage.filter(({ keepsData }) => keepsData)
  return [own.certificateSha256, ...replaced.map(({ certificateSha256 }) => certificateSha256)]
}

/** A package without native code runs anywhere; a camera that names no architecture runs anything. */
function isArchitectureFit(packaged: readonly string[], own: readonly string[]): boolean {
  return packaged.length === 0 || own.length === 0 || packaged.some((one) => own.includes(one))
}
