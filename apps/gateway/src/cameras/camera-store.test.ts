import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRecordingLog } from '../../test/edge/quiet-log.ts'
import { createSystemClock } from '../state/clock.ts'
import { openStateFolder } from '../state/state-folder.ts'
import { noMarks } from './camera-marks.ts'
import { type Camera, type CameraChange, type CameraStore, createCameraStore } from './camera-store.ts'

const camera: Camera = {
  deviceId: 'urn:uuid:1 / ü',
  identitySource: 'onvif:GetDeviceId',
  driver: 'onvif',
  siteId: '0194f9a0-0000-7000-8000-0000000000aa',
  name: 'Gate 3',
  address: 'https://192.0.2.7',
  credentials: { user: 'admin', password: 'p4ss-word' },
  tls: { pinnedSha256: 'a'.repeat(64), allowLegacy: false },
  marks: noMarks,
  assignment: 2,
}

let home: string
let open: CameraStore[] = []
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-cameras-'))
})
afterEach(async () => {
  for (const store of open) store.close()
  open = []
  await rm(home, { recursive: true, force: true })
})

async function openStore(watchEveryMs: number | null = null, clock = createSystemClock()) {
  const folder = await openStateFolder(home)
  const log = createRecordingLog()
  const store = await createCameraStore({ folder, clock, log, watchEveryMs })
  open.push(store)
  const changes: CameraChange[] = []
  store.onChange((change) => void changes.push(change))
  return { store, changes, log }
}

const within = { timeout: 15_000, interval: 20 }

describe('camera store', () => {
  test('gives back what was saved, also after a restart', async () => {
    const { store, changes } = await openStore()
    await store.save(camera)
    expect(store.list()).toEqual([camera])
    expect(changes).toEqual([{ kind: 'saved', deviceId: camera.deviceId, camera, before: null }])
    const again = await openStore()
    expect(again.store.get(camera.deviceId)).toEqual(camera)
    expect(again.store.get('another')).toBeNull()
    await again.store.save({ ...camera, deviceId: 'b', credentials: null })
    expect((await openStore()).store.list()).toHaveLength(2)
  })

  test('holds both of two changes that are made at once, and what another process has saved just before', async () => {
    const { store } = await openStore()
    await store.save(camera)
    await (await openStore()).store.save({ ...camera, name: 'Gate 4' })
    const credentials = { user: 'admin', password: 'new' }
    await Promise.all([
      store.change(camera.deviceId, (now) => ({ ...now, credentials })),
      store.change(camera.deviceId, (now) => ({ ...now, address: 'https://192.0.2.8' })),
      store.change('another', () => camera),
    ])
    const changed = { ...camera, name: 'Gate 4', credentials, address: 'https://192.0.2.8' }
    expect((await openStore()).store.list()).toEqual([changed])
    expect(store.list()).toEqual([changed])
  })

  test('keeps ids apart that differ only in case', async () => {
    const { store } = await openStore()
    await store.save({ ...camera, deviceId: 'ACCC8E', name: 'upper' })
    await store.save({ ...camera, deviceId: 'accc8e', name: 'lower' })
    expect((await openStore()).store.get('ACCC8E')?.name).toBe('upper')
  })

  test('keeps no password readable on the disk', async () => {
    await (await openStore()).store.save(camera)
    const [name = ''] = await readdir(join(home, 'cameras'))
    const text = await readFile(join(home, 'cameras', name), 'utf8')
    expect(text).toContain('192.0.2.7')
    expect(text).not.toContain('p4ss-word')
    expect(text).not.toContain('admin')
  })

  test('notices what another process adds, changes and removes', async () => {
    const { store, changes } = await openStore(1_000)
    const other = await openStore()
    await other.store.save(camera)
    await expect.poll(() => store.get(camera.deviceId), within).toEqual(camera)
    const moved = { ...camera, address: 'https://192.0.2.8' }
    await other.store.save(moved)
    await expect.poll(() => store.get(camera.deviceId)?.address, within).toBe('https://192.0.2.8')
    await other.store.remove(camera.deviceId)
    await expect.poll(() => store.list(), within).toEqual([])
    expect(changes).toEqual([
      { kind: 'saved', deviceId: camera.deviceId, camera, before: null },
      { kind: 'saved', deviceId: camera.deviceId, camera: moved, before: camera },
      { kind: 'removed', deviceId: camera.deviceId, before: moved },
    ])
  })

  test('notices changes also in a folder that has long been still', async () => {
    const system = createSystemClock()
    const { store } = await openStore(50, { ...system, now: () => system.now() + 60_000 })
    const other = await openStore()
    for (const deviceId of ['a', 'b', 'c']) {
      await other.store.save({ ...camera, deviceId })
      await expect.poll(() => store.get(deviceId)?.deviceId, within).toBe(deviceId)
    }
  })

  test('tells nothing when what was saved is what is there', async () => {
    const { store, changes } = await openStore(20)
    await store.save(camera)
    const other = await openStore()
    await other.store.save(camera)
    await other.store.save({ ...camera, deviceId: 'b' })
    await expect.poll(() => changes.length, within).toBe(2)
    await other.store.remove('b')
    await expect.poll(() => changes.length, within).toBe(3)
    expect(changes.map(({ kind, deviceId }) => [kind, deviceId])).toEqual([
      ['saved', camera.deviceId],
      ['saved', 'b'],
      ['removed', 'b'],
    ])
  })

  test('leaves out a file that cannot be read, says which, and works on with the others', async () => {
    const { store } = await openStore()
    await store.save(camera)
    await store.save({ ...camera, deviceId: 'b' })
    const name = (await readdir(join(home, 'cameras'))).find((file) => file.startsWith('b.')) ?? ''
    await writeFile(join(home, 'cameras', name), '{"deviceId":')
    await writeFile(join(home, 'cameras', 'c.json'), '{"deviceId":"c"}')
    const { store: again, log } = await openStore()
    expect(again.list()).toEqual([camera])
    expect(log.lines.filter((line) => line.includes(name))).toHaveLength(1)
    expect(log.lines.filter((line) => line.includes('c.json'))).toHaveLength(1)
  })

  test('a listener that was ended hears nothing more', async () => {
    const { store } = await openStore()
    let heard = 0
    const end = store.onChange(() => {
      heard += 1
    })
    await store.save(camera)
    end()
    await store.remove(camera.deviceId)
    expect(heard).toBe(1)
  })
})
