import type { Camera, CameraChange, CameraStore } from '../../src/cameras/camera-store.ts'
import type { PackageCache } from '../../src/packages/package-cache.ts'
import type { Clock } from '../../src/state/clock.ts'
import type { StateFolder } from '../../src/state/state-folder.ts'

/** A state folder that outlives gateways and not the test. What is written is what is read: JSON. */
export function createMemoryFolder(): StateFolder & { files: Map<string, string> } {
  const files = new Map<string, string>()
  return {
    path: '/memory',
    files,
    readJson: async (name) => {
      const text = files.get(name)
      return text === undefined ? null : JSON.parse(text)
    },
    writeJson: async (name, value) => {
      files.set(name, JSON.stringify(value))
    },
    remove: async (name) => {
      files.delete(name)
    },
    list: async (prefix) => [...files.keys()].filter((name) => name.startsWith(prefix)).sort(),
    seal: (text) => `sealed:${Buffer.from(text).toString('base64')}`,
    unseal: (text) => Buffer.from(text.slice('sealed:'.length), 'base64').toString(),
  }
}

export function createMemoryCameras(initial: Camera[]): CameraStore {
  const cameras = new Map(initial.map((camera) => [camera.deviceId, camera]))
  const listeners = new Set<(change: CameraChange) => void>()
  const tell = (change: CameraChange) => {
    for (const listener of listeners) listener(change)
  }
  const save = (camera: Camera) => {
    const before = cameras.get(camera.deviceId) ?? null
    cameras.set(camera.deviceId, camera)
    tell({ kind: 'saved', deviceId: camera.deviceId, camera, before })
  }
  return {
    list: () => [...cameras.values()],
    get: (deviceId) => cameras.get(deviceId) ?? null,
    save: async (camera) => save(camera),
    async change(deviceId, change) {
      const camera = cameras.get(deviceId)
      if (camera) save(change(camera))
    },
    async remove(deviceId) {
      const before = cameras.get(deviceId)
      cameras.delete(deviceId)
      if (before) tell({ kind: 'removed', deviceId, before })
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => undefined,
  }
}

export interface ScriptedPackages extends PackageCache {
  downloads: string[]
  held: number
  /** Called inside a download; may throw or wait. */
  during: (signal: AbortSignal) => Promise<void>
}

export function createScriptedPackages(clock: Clock): ScriptedPackages {
  const packages: ScriptedPackages = {
    downloads: [],
    held: 0,
    during: async () => undefined,
    limitDownloads() {},
    limitNeedsMs: () => 0,
    async acquire(packageRef, { appId, signal, onProgress }) {
      packages.downloads.push(packageRef.packageId)
      await packages.during(signal)
      await clock.sleep(50, signal)
      onProgress?.({ bytes: packageRef.size, percent: 100 })
      packages.held++
      let isHeld = true
      const { size, format, version, versionCode } = packageRef
      return {
        localPackage: { path: '/memory/package', size, format, appId, version, versionCode },
        release() {
          if (isHeld) packages.held--
          isHeld = false
        },
      }
    },
    close: async () => undefined,
  }
  return packages
}
