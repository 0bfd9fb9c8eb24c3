import {
  AppConfiguration,
  DesiredDevice,
  InstallationError,
  LicenseCheckedBy,
  LicensePlacement,
  nullable,
  oneOf,
  RunningState,
  Step,
} from '@ocelli/contract'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { fileNameOf } from '../state/file-name.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { AppMemory } from './attempt.ts'
import { createSavedConfigurations, type SavedConfigurations } from './saved-configurations.ts'

const Count = Type.Integer({ minimum: 0 })
const text = nullable(Type.String())

const StoredAttempt = Type.Object({
  revision: Count,
  began: nullable(Type.Object({ isPresent: Type.Boolean(), isUpdate: Type.Boolean(), runningState: RunningState })),
  step: nullable(Step),
  done: Type.Record(Type.String(), Count),
  failures: Count,
  appLog: Type.Optional(text),
  reinstall: Type.Optional(nullable(Type.Object({ configuration: nullable(AppConfiguration) }))),
  error: nullable(InstallationError),
  outcome: nullable(Type.Object({ phase: oneOf(['CONVERGED', 'FAILED']), error: nullable(InstallationError) })),
})

const StoredDevice = Type.Object({
  format: Type.Literal(1),
  deviceId: Type.String(),
  desired: nullable(DesiredDevice),
  apps: Type.Record(
    Type.String(),
    Type.Object({
      attempt: nullable(StoredAttempt),
      installed: nullable(
        Type.Object({
          packageId: Type.String(),
          version: Type.String(),
          versionCode: Type.Integer(),
          listedAs: text,
        }),
      ),
      license: nullable(
        Type.Object({
          licenseId: Type.String(),
          isInDoubt: Type.Optional(Type.Boolean()),
          wasListed: Type.Boolean(),
          renewal: Type.Optional(Count),
          checkedBy: Type.Optional(LicenseCheckedBy),
          placement: Type.Optional(nullable(LicensePlacement)),
        }),
      ),
    }),
  ),
})
type StoredDevice = Static<typeof StoredDevice>

interface DeviceMemoryContent {
  desired: DesiredDevice | null
  /** By app id. */
  apps: ReadonlyMap<string, AppMemory>
}

/** What the gateway remembers of one device across restarts. */
export interface DeviceMemory {
  readonly content: DeviceMemoryContent
  readonly configurations: SavedConfigurations
  /** Holds in memory at once and on disk when it resolves. */
  write(changes: Partial<DeviceMemoryContent>): Promise<void>
  /** Forgets everything; later writes are dropped. */
  forget(): Promise<void>
}

/** Device ids hold anything; `fileNameOf` makes a name of one. */
export const deviceFile = (folder: 'work' | 'reports' | 'configurations', deviceId: string): string =>
  `${folder}/${fileNameOf(deviceId)}.json`

/**
 * Opens the memory of a device. A damaged file is reported and begun anew: the platform still knows which revisions are
 * settled, so nothing is repeated that it has heard of.
 */
export async function openDeviceMemory(options: {
  stateFolder: StateFolder
  deviceId: string
  log: Log
}): Promise<DeviceMemory> {
  const { stateFolder, deviceId, log } = options
  const file = deviceFile('work', deviceId)
  let content = await load()
  let isForgotten = false
  let lastWrite: Promise<void> = Promise.resolve()

  async function load(): Promise<DeviceMemoryContent> {
    const empty = { desired: null, apps: new Map() }
    try {
      const stored = await stateFolder.readJson(file)
      if (stored === null) return empty
      if (Value.Check(StoredDevice, stored) && stored.deviceId === deviceId) {
        return { ...stored, apps: new Map(Object.entries(stored.apps)) }
      }
      log.error({ deviceId, file }, 'The memory of a device does not have its form and is begun anew')
    } catch (error) {
      log.error({ deviceId, file, err: error }, 'The memory of a device cannot be read and is begun anew')
    }
    return empty
  }

  function enqueue(job: () => Promise<void>): Promise<void> {
    const result = lastWrite.then(job)
    // A failed write is its caller's to handle; it must not fail the writes behind it.
    lastWrite = result.catch(() => undefined)
    return result
  }

  return {
    configurations: createSavedConfigurations(stateFolder, deviceFile('configurations', deviceId)),
    get content() {
      return content
    },
    write(changes) {
      content = { ...content, ...changes }
      const { desired, apps } = content
      const stored: StoredDevice = {
        format: 1,
        deviceId,
        desired,
        apps: Object.fromEntries(apps) as StoredDevice['apps'],
      }
      return enqueue(async () => {
        if (!isForgotten) await stateFolder.writeJson(file, stored)
      })
    },
    forget() {
      isForgotten = true
      return enqueue(async () => {
        await stateFolder.remove(file)
        await stateFolder.remove(deviceFile('configurations', deviceId))
      })
    },
  }
}
