import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { DriverName } from '@ocelli/contract'
import type { CameraTarget } from '@ocelli/driver'
import { type Clock, pause } from '../state/clock.ts'
import { describeError } from '../state/error-code.ts'
import { fileNameOf } from '../state/file-name.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { CameraMarks } from './camera-marks.ts'
import { readStamp } from './file-stamp.ts'
import { parseCamera, toStored } from './stored-camera.ts'

/** A claimed camera as this gateway knows it. */
export interface Camera {
  deviceId: string
  /** Where the id was read, frozen at claim: `onvif:GetDeviceId`. */
  identitySource: string
  driver: DriverName
  siteId: string
  name: string | null
  address: string
  /** Sealed at rest; plain only in memory. */
  credentials: CameraTarget['credentials']
  tls: CameraTarget['tls']
  /** The platform's number for "this device is yours"; grows at every move. */
  assignment: number
  marks: CameraMarks
}

/** The cameras of this gateway. Another process (`camera add`) may change them; that is noticed within 2 s. */
export interface CameraStore {
  list(): Camera[]
  get(deviceId: string): Camera | null
  save(camera: Camera): Promise<void>
  /**
   * Changes what is stored when its turn comes, so that two changes at once both hold, also one of another process. Nothing is done
   * for a camera that is not there.
   */
  change(deviceId: string, change: (camera: Camera) => Camera): Promise<void>
  remove(deviceId: string): Promise<void>
  /** Called after a camera was added, changed or removed, by whomever. Gives the function that ends it. */
  onChange(listener: (change: CameraChange) => void): () => void
  close(): void
}

export type CameraChange =
  | { kind: 'saved'; deviceId: string; camera: Camera; before: Camera | null }
  | { kind: 'removed'; deviceId: string; before: Camera }

export interface CameraStoreOptions {
  folder: StateFolder
  clock: Clock
  log: Log
  /** Looks for what other processes changed; null: only when opened, for a command that ends at once. */
  watchEveryMs: number | null
}

const prefix = 'cameras'
/** Every change is a rename, which changes the folder's time; but two within one tick of a coarse clock look alike. */
const settledAfterMs = 5_000

/** Reads all cameras and keeps them in memory. One file that cannot be read is told and left out; the others work. */
export async function createCameraStore(options: CameraStoreOptions): Promise<CameraStore> {
  const { folder, clock, log, watchEveryMs } = options
  const known = new Map<string, { camera: Camera; stamp: string }>()
  const listeners = new Set<(change: CameraChange) => void>()
  const unreadable = new Map<string, string>()
  let settledStamp: string | null = null
  const closing = new AbortController()
  /** Saves and scans take turns, so that a scan never takes our own half-done save for another's. */
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(job: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(job)
    turn = mine.catch(() => undefined) // told to the caller through `mine`
    return mine
  }

  const nameOf = (deviceId: string) => `${prefix}/${fileNameOf(deviceId)}.json`
  const tell = (change: CameraChange) => {
    for (const listener of [...listeners]) listener(change)
  }

  function take(name: string, next: { camera: Camera; stamp: string }): void {
    const before = known.get(name)?.camera ?? null
    known.set(name, next)
    const { camera } = next
    if (!isDeepStrictEqual(before, camera)) tell({ kind: 'saved', deviceId: camera.deviceId, camera, before })
  }

  function drop(name: string): void {
    const before = known.get(name)?.camera
    known.delete(name)
    if (before) tell({ kind: 'removed', deviceId: before.deviceId, before })
  }

  async function read(name: string, stamp: string): Promise<void> {
    if (known.get(name)?.stamp === stamp || unreadable.get(name) === stamp) return
    try {
      const stored = await folder.readJson(name)
      if (stored !== null) take(name, { camera: parseCamera(stored, folder), stamp })
      unreadable.delete(name)
    } catch (error) {
      unreadable.set(name, stamp)
      log.error({ file: name, error: describeError(error) }, 'The file of a camera cannot be read; it is left out')
    }
  }

  async function write(camera: Camera): Promise<void> {
    const name = nameOf(camera.deviceId)
    await folder.writeJson(name, toStored(camera, folder))
    // No stamp: another process may have written right after us, so the next scan reads it once more.
    take(name, { camera, stamp: '' })
    settledStamp = null
  }

  async function scan(): Promise<void> {
    const whole = await readStamp(join(folder.path, prefix))
    if (whole !== null && whole.text === settledStamp) return
    const names = new Set(await folder.list(prefix))
    for (const name of names) {
      const stamp = await readStamp(join(folder.path, name))
      if (stamp !== null) await read(name, stamp.text)
    }
    for (const name of [...known.keys()]) if (!names.has(name)) drop(name)
    settledStamp = whole !== null && clock.now() - whole.modifiedAtMs > settledAfterMs ? whole.text : null
  }

  async function watch(everyMs: number): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(clock, everyMs, closing.signal)
      if (closing.signal.aborted) return
      await inTurn(scan).catch((error: unknown) => {
        log.error({ error: describeError(error) }, 'The folder of the cameras cannot be read')
      })
    }
  }

  await inTurn(scan)
  if (watchEveryMs !== null) void watch(watchEveryMs)

  return {
    list: () => [...known.values()].map(({ camera }) => camera),
    get: (deviceId) => known.get(nameOf(deviceId))?.camera ?? null,
    save: (camera) => inTurn(() => write(camera)),
    change: (deviceId, change) =>
      inTurn(async () => {
        const stored = await folder.readJson(nameOf(deviceId))
        if (stored !== null) await write(change(parseCamera(stored, folder)))
      }),
    remove: (deviceId) =>
      inTurn(async () => {
        const name = nameOf(deviceId)
        await folder.remove(name)
        drop(name)
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => closing.abort(),
  }
}
