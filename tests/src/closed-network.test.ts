import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Device, LicenseQuantity } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installLicense } from './camera-soap.ts'
import { type OcelliRun, runOcelli } from './ocelli.ts'
import { apiDemos } from './real-apps.ts'
import { buy, cameraPassword, type System, startSystem } from './system.ts'

const { appId } = apiDemos
let system: System
let folder: string
/** Two cameras of a network that the platform does not reach. */
let vault: SimulatedCamera
let cellar: SimulatedCamera
let root = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-closed-'))
  system = await startSystem()
  vault = await system.camera('VAULT-1')
  cellar = await system.camera('CELLAR-2')
  expect(await system.upload(apiDemos.v4_0_0)).toMatchObject({ status: 201 })
  await buy(system, appId, 2)
})
afterAll(async () => {
  await system?.close()
  await rm(folder, { recursive: true, force: true })
})

const addressOf = (camera: SimulatedCamera) => `http://127.0.0.1:${camera.port}`
const cameraLogin = ['--user', 'admin', '--password-file', 'camera.txt']

/** At home, signed in. */
const atHome = (...args: string[]): Promise<OcelliRun> =>
  runOcelli(args, {
    cwd: folder,
    env: {
      OCELLI_CONFIG: join(folder, 'home'),
      OCELLI_URL: system.url,
      OCELLI_CLIENT_ID: system.clientId,
      OCELLI_CLIENT_SECRET: system.clientSecret,
    },
  })

/** On the laptop in the closed network: it knows no platform. */
const onLaptop = (args: string[], options: { killAfterMs?: number } = {}): Promise<OcelliRun> =>
  runOcelli(args, { ...options, cwd: folder, env: { OCELLI_CONFIG: join(folder, 'laptop') } })

async function used(): Promise<number> {
  const { body } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${appId}`)
  return body[0]?.used ?? Number.NaN
}

test('cameras of a closed network are found by their addresses, with their device ids', async () => {
  await writeFile(join(folder, 'camera.txt'), `${cameraPassword}\n`)
  const ranges = [vault, cellar].map((camera) => `127.0.0.1:${camera.port}`)
  const found = await onLaptop([
    'discover',
    ...ranges,
    '--no-multicast',
    ...cameraLogin,
    '--out',
    'site.json',
    '--json',
  ])
  expect(found.code, found.stderr).toBe(0)
  const ids = (JSON.parse(found.stdout) as { deviceId: string }[]).map(({ deviceId }) => deviceId)
  expect(ids.sort()).toEqual(['CELLAR-2', 'VAULT-1'])
  expect(await readFile(join(folder, 'site.json'), 'utf8')).not.toContain(cameraPassword)
})

test('a bundle is made at home, and spends its units once however often it is made', async () => {
  const make = [
    'offline',
    'bundle',
    '--app',
    appId,
    '--license-type',
    'FULL',
    '--site',
    'site.json',
    '--out',
    'site.bundle',
  ]
  const first = await atHome(...make)
  expect(first.code, first.stderr).toBe(0)
  expect(await used()).toBe(2)
  const again = await atHome(...make, '--json')
  expect(again.code, again.stderr).toBe(0)
  root = (JSON.parse(again.stdout) as { rootThumbprint: string }).rootThumbprint
  expect(await used()).toBe(2)
  const { body } = await system.call<{ items: Device[] }>('GET', '/device/v1/devices?state=UNCLAIMED')
  expect(body.items.map(({ deviceId }) => deviceId).sort()).toEqual(['CELLAR-2', 'VAULT-1'])
})

test('more units than there are: nothing is made, and how many are missing is told', async () => {
  const asked = ['--device', 'A', '--device', 'B', '--out', 'no.bundle']
  const refused = await atHome('offline', 'bundle', '--app', appId, '--license-type', 'FULL', ...asked)
  expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('no-free-license') })
  expect(await used()).toBe(2)
})

const applyTo = (camera: SimulatedCamera, receipt: string, ...more: string[]) => [
  ...['offline', 'apply', 'site.bundle', '--camera', addressOf(camera), ...cameraLogin, '--receipt', receipt, ...more],
]

test('a laptop that does not know the platform needs its fingerprint, and the right one', async () => {
  expect(await onLaptop(applyTo(vault, 'no.jws'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--root') })
  const wrong = await onLaptop(
    applyTo(vault, 'no.jws', '--root', `${root.slice(0, -1)}${root.endsWith('A') ? 'E' : 'A'}`),
  )
  expect(wrong).toMatchObject({ code: 6, stderr: expect.stringContaining('comes from root key') })
  // what proved nothing is not remembered
  expect(await onLaptop(applyTo(vault, 'no.jws'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--root') })
  expect(vault.apps()).toEqual([])
})

test('a changed bundle is refused before any camera is touched', async () => {
  const bytes = await readFile(join(folder, 'site.bundle'))
  bytes[bytes.length - 20_000] = (bytes[bytes.length - 20_000] ?? 0) ^ 1
  await writeFile(join(folder, 'changed.bundle'), bytes)
  const refused = await onLaptop(
    applyTo(vault, 'no.jws', '--root', root).map((arg) => (arg === 'site.bundle' ? 'changed.bundle' : arg)),
  )
  expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('was changed') })
  expect(vault.apps()).toEqual([])
})

test('killed in the middle and called again, it installs; the cameras check the licenses themselves', async () => {
  await system.stop()
  const apply = ['offline', 'apply', 'site.bundle', '--site', 'site.json', ...cameraLogin, '--root', root, '--start']
  await onLaptop([...apply, '--receipt', 'half.jws'], { killAfterMs: 1500 })
  const done = await onLaptop([...apply, '--receipt', 'done.jws', '--json'])
  expect(done.code, done.stderr).toBe(0)
  for (const camera of [vault, cellar]) {
    expect(camera.apps()).toMatchObject([
      { appId, version: '4.0.0', state: 'Active', licenses: [{ licenseType: 'FULL' }] },
    ])
  }
  await system.restart()
})

test('a copied license is refused by another camera', async () => {
  const held = await system.call<{ licenseId: string }[]>('GET', `/license/v1/licenses/apps/${appId}/devices/VAULT-1`)
  const licenseFile = await system.download(`/license/v1/licenses/${held.body[0]?.licenseId}/token`)
  const answer = await installLicense(cellar, { appId, licenseFile })
  expect(answer).toMatchObject({ status: 400, text: expect.stringContaining('other-device') })
  expect(cellar.apps()[0]?.licenses.map(({ licenseId }) => licenseId)).not.toContain(held.body[0]?.licenseId)
})

test('the receipt of a laptop counts once its key is known, and once only', async () => {
  const key = await onLaptop(['offline', 'key'])
  await writeFile(join(folder, 'laptop-key.json'), key.stdout)
  expect(await atHome('offline', 'enroll-key', 'laptop-key.json', '--name', 'Laptop 7')).toMatchObject({ code: 0 })
  const first = await atHome('offline', 'report', 'done.jws', '--json')
  expect(first.code, first.stderr).toBe(0)
  const outcomes = ({ stdout }: OcelliRun) =>
    (JSON.parse(stdout) as { outcome: string }[]).map(({ outcome }) => outcome)
  expect(new Set(outcomes(first))).toEqual(new Set(['APPLIED']))
  expect(new Set(outcomes(await atHome('offline', 'report', 'done.jws', '--json')))).toEqual(
    new Set(['ALREADY_COUNTED']),
  )
})

test('what is removed brings its unit home by a receipt, the root is remembered, and the same bundle does not bring it back', async () => {
  const remove = ['offline', 'remove', 'site.bundle', '--camera', addressOf(cellar), ...cameraLogin, '--yes']
  const removed = await onLaptop([...remove, '--receipt', 'removed.jws'])
  expect(removed.code, removed.stderr).toBe(0)
  expect(cellar.apps()).toEqual([])
  expect(await used()).toBe(2)
  expect(await atHome('offline', 'report', 'removed.jws')).toMatchObject({ code: 0 })
  expect(await used()).toBe(1)
  const again = await onLaptop(applyTo(cellar, 'again.jws'))
  expect(again).toMatchObject({ code: 1, stdout: expect.stringContaining('reported removed') })
  expect(cellar.apps()).toEqual([])
  const audit = await system.call<{ ok: boolean }>('GET', '/license/v1/audit')
  expect(audit.body.ok).toBe(true)
})

test('where platform and cameras are both reached, one command does it all, and a second changes nothing', async () => {
  const install = [
    'offline',
    'install',
    '--app',
    appId,
    '--license-type',
    'FULL',
    '--camera',
    addressOf(cellar),
    ...cameraLogin,
  ]
  const done = await atHome(...install, '--start', '--json')
  expect(done.code, done.stderr).toBe(0)
  expect(cellar.apps()).toMatchObject([{ appId, state: 'Active' }])
  expect(await used()).toBe(2)
  expect(await atHome(...install, '--json')).toMatchObject({ code: 0 })
  expect(await used()).toBe(2)
})
