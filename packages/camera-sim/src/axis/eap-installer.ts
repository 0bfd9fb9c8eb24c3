import { stat } from 'node:fs/promises'
import { type EapPackage, PackageError } from '@ocelli/app-package'
import type { FaultSet, Reboot } from '../faults.ts'
import { type SimTime, waitMs } from '../time.ts'
import type { AppSwitches } from './app-cgis.ts'
import type { AppRuns } from './app-runs.ts'
import type { AxisApp, AxisAppShelf } from './axis-app.ts'
import type { EapReader } from './axis-options.ts'
import { type AxisOs, isInRange } from './axis-os.ts'

export interface EapInstaller {
  /** Installs the package file; null, or the number that upload.cgi answers. Ends with `power`, as cut off. */
  install(path: string, power: AbortSignal): Promise<number | null>
}

export interface EapInstallerOptions {
  os: AxisOs
  shelf: AxisAppShelf
  runs: AppRuns
  switches: AppSwitches
  faults: FaultSet
  time: SimTime
  readPackage: EapReader
  architecture: string
  installMs: number
  reboot: (plan: Reboot) => void
}

const codes = {
  invalidPackage: 1,
  notVerified: 2,
  incompatible: 5,
  unspecified: 10,
  userNotAllowed: 13,
  otherLetterCase: 14,
  timedOut: 15,
  otherVendor: 27,
  invalidManifest: 29,
}

export function createEapInstaller(options: EapInstallerOptions): EapInstaller {
  const { os, shelf, runs, switches, faults, time } = options

  async function install(path: string, power: AbortSignal): Promise<number | null> {
    const content = await readOrCode(path, power)
    if (typeof content === 'number') return content
    const refusal = findRefusal(content)
    if (refusal !== null) return refusal
    if (faults.get('installNeverFinishes')) return forever(power)
    const rebooting = faults.takeReboot('install')
    await waitMs(options.installMs / (rebooting === null ? 1 : 2), { time, signal: power })
    if (rebooting !== null) {
      if (rebooting.inFlight === 'completed') await settle(content, path)
      options.reboot(rebooting)
      return forever(power)
    }
    if (faults.get('failInstall') !== undefined) return codes.unspecified
    const unknown = faults.get('uploadOutcomeUnknown')
    if (unknown !== 'lost') await settle(content, path)
    return unknown === undefined ? null : codes.timedOut
  }

  async function readOrCode(path: string, signal: AbortSignal): Promise<EapPackage | number> {
    try {
      return await options.readPackage(path, { signal })
    } catch (error) {
      if (!(error instanceof PackageError)) throw error
      if (error.code === 'manifest-invalid') return codes.invalidManifest
      return error.code === 'signature-invalid' ? codes.notVerified : codes.invalidPackage
    }
  }

  function findRefusal(content: EapPackage): number | null {
    if (!isVerified(content)) return codes.notVerified
    if (!isCompatible(content)) return codes.incompatible
    const isOtherCase = ({ name }: AxisApp) =>
      name !== content.appId && name.toLowerCase() === content.appId.toLowerCase()
    if (shelf.all().some(isOtherCase)) return codes.otherLetterCase
    const present = shelf.find(content.appId)
    if (os.checksVendorId && present?.vendorId && present.vendorId !== content.vendorId) return codes.otherVendor
    return content.runAs?.user === 'root' && !switches.allowRoot ? codes.userNotAllowed : null
  }

  function isVerified({ signature }: EapPackage): boolean {
    if (!os.verifiesSignature || switches.allowUnsigned) return true
    return signature !== null && !faults.get('signatureRefused')
  }

  function isCompatible({ architectures, compatibleOsVersions, manifestSchema }: EapPackage): boolean {
    if (architectures.length > 0 && !architectures.includes(options.architecture)) return false
    if (manifestSchema === null && os.compatibility === 'required') return false
    if (os.compatibility === 'ignored') return true
    if (compatibleOsVersions.length === 0) return os.compatibility === 'checked'
    return compatibleOsVersions.some((range) => isInRange(os.version, range))
  }

  /** An update keeps license, parameters that were set, and whether the app runs; a first installation stands still. */
  async function settle(content: EapPackage, path: string): Promise<void> {
    const present = os.updateForgets ? undefined : shelf.find(content.appId)
    const kept = new Map(present?.parameters.map(({ name, value }) => [name, value]))
    const app: AxisApp = {
      name: content.appId,
      niceName: content.label,
      vendor: content.vendor,
      version: listedVersion(content, os),
      applicationId: content.axisAppId,
      vendorId: content.vendorId,
      copyProtection: content.copyProtection,
      licenseKey: present?.licenseKey ?? null,
      licenseName: 'Available',
      status: 'Stopped',
      settingPage: content.settingPage,
      isSigned: content.signature !== null,
      isBundled: false,
      compatibleOsVersions: content.compatibleOsVersions,
      parameters: content.parameters.map((one) => ({ name: one.name, value: kept.get(one.name) ?? one.default })),
      httpPaths: content.httpPaths,
      received: present?.received ?? new Map(),
      sizeBytes: (await stat(path)).size,
      log: present?.log ?? [],
    }
    shelf.put(app)
    if (present?.status === 'Running') runs.start(app)
  }

  return { install }
}

/** package.conf has its last number behind a hyphen, which is what cameras without manifests print. */
function listedVersion({ versionName, manifestSchema }: EapPackage, os: AxisOs): string {
  if (os.listsShortVersion) return versionName.split('.').slice(0, 2).join('.')
  if (manifestSchema !== null && os.readsManifest) return versionName
  return versionName.replace(/^(\d+\.\d+)\./, '$1-')
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
