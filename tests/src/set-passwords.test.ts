import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createAxisCamera, type SimulatedAxisCamera, type SimulatedCamera } from '@ocelli/camera-sim'
import type { Gateway, RecoveryCopy } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runCliCommand, runGatewayCommand, runPlatformCommand } from './processes.ts'
import { type System, startSystem, untilOnline } from './system.ts'

vi.setConfig({ testTimeout: 300_000 })
const oldPassword = `pw-${randomBytes(12).toString('hex')}`
const gate = 'GATE-1'
const yard = 'YARD-2'
const axisSerial = 'ACCC8E777001'

let system: System
const cameras = new Map<string, SimulatedCamera | SimulatedAxisCamera>()
const said: string[] = []
const made = new Set<string>()

beforeAll(async () => {
  system = await startSystem()
  for (const deviceId of [gate, yard]) {
    cameras.set(deviceId, await system.camera(deviceId, { password: oldPassword, user: 'root' }))
  }
  cameras.set(axisSerial, await createAxisCamera({ serialNumber: axisSerial, user: 'root', password: oldPassword }))
  await vi.waitFor(
    async () => {
      const { body } = await system.call<Gateway[]>('GET', '/device/v1/gateways')
      expect(body[0]).toMatchObject({ sealingKey: { crv: 'X25519' }, setsPasswords: true })
    },
    { timeout: 30_000, interval: 100 },
  )
  const list = join(system.home, 'cameras.csv')
  const lines = [...cameras.values()].map(({ port }) => `http://127.0.0.1:${port};root;${oldPassword}`)
  await writeFile(list, ['address;user;password', ...lines, ''].join('\n'))
  const claimed = await ocelli(['devices', 'claim', '--csv', list])
  if (claimed.code !== 0) throw new Error(claimed.said)
  for (const deviceId of cameras.keys()) await untilOnline(system, deviceId)
}, 120_000)
afterAll(async () => {
  await cameras.get(axisSerial)?.close()
  await system?.close()
})

/** The command line as a process of its own. */
async function ocelli(args: string[], more: Record<string, string> = {}) {
  const { url, home, clientId, clientSecret } = system
  const answer = await runCliCommand(args, {
    ...{ PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: join(home, 'config') },
    ...{ OCELLI_URL: url, OCELLI_CLIENT_ID: clientId, OCELLI_CLIENT_SECRET: clientSecret, ...more },
  })
  said.push(answer.said)
  return answer
}

const camera = (deviceId: string) => {
  const found = cameras.get(deviceId)
  if (!found) throw new Error(`There is no camera ${deviceId}.`)
  return found
}
const change = (...more: string[]) => ocelli(['devices', 'change-credentials', ...more])
const generate = ['--user', 'root', '--set-on-camera', '--generate', '--allow-http']
const fileAt = (name: string) => join(system.home, 'results', name)

/** The rows of a result file by device: password, result and code. */
async function rowsOf(file: string): Promise<Map<string, { password: string; result: string; code: string }>> {
  const [, ...lines] = (await readFile(file, 'utf8')).trim().split('\r\n')
  const rows = lines.map((line): [string, { password: string; result: string; code: string }] => {
    const [, device = '', , password = '', result = '', code = ''] = line.split(',')
    made.add(password)
    return [device, { password, result, code }]
  })
  return new Map(rows)
}

/** Whether it lets somebody in with that password, asked by hand with HTTP Digest (RFC 2617). */
async function lets(deviceId: string, password: string): Promise<boolean> {
  const isAxis = deviceId === axisSerial
  const path = isAxis ? '/axis-cgi/applications/list.cgi' : '/onvif/device_service'
  const url = `http://127.0.0.1:${camera(deviceId).port}${path}`
  const users = '<tds:GetUsers xmlns:tds="http://www.onvif.org/ver10/device/wsdl"/>'
  const envelope = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>${users}</e:Body></e:Envelope>`
  const request = { method: 'POST', headers: { 'Content-Type': 'application/soap+xml' }, body: isAxis ? '' : envelope }
  const asked = await fetch(url, request)
  const challenge = asked.headers.get('www-authenticate') ?? ''
  const part = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? ''
  const md5 = (...texts: string[]) => createHash('md5').update(texts.join(':')).digest('hex')
  const [realm, nonce, opaque] = [part('realm'), part('nonce'), part('opaque')]
  const secret = md5('root', realm, password)
  const response = md5(secret, nonce, '00000001', 'c', 'auth', md5('POST', path))
  const Authorization =
    `Digest username="root", realm="${realm}", nonce="${nonce}", uri="${path}", algorithm=MD5, qop=auth, nc=00000001, ` +
    `cnonce="c", response="${response}", opaque="${opaque}"`
  const answered = await fetch(url, { ...request, headers: { ...request.headers, Authorization } })
  return answered.status === 200
}

test('nothing is set without a recovery key, a result file, or a yes', async () => {
  await mkdir(join(system.home, 'results'))
  const noKey = await change('--all', ...generate, '--result', fileAt('none.csv'), '--yes')
  expect(noKey).toMatchObject({ code: 6, said: expect.stringContaining('recovery-key') })
  expect(await ocelli(['gateways', 'recovery-key', '--out', join(system.home, 'key.json')])).toMatchObject({ code: 0 })
  expect(await change('--all', ...generate, '--yes')).toMatchObject({
    code: 2,
    said: expect.stringContaining('--result'),
  })
  const noYes = await change('--all', ...generate, '--result', fileAt('none.csv'))
  expect(noYes).toMatchObject({ code: 2, said: expect.stringContaining('Recording stops until') })
  const dry = await change('--all', ...generate, '--result', fileAt('none.csv'), '--dry-run')
  expect(dry).toMatchObject({ code: 0, said: expect.stringContaining('3 camera(s) would get a new password') })
  expect(await readdir(join(system.home, 'results'))).toEqual([])
  for (const one of cameras.values()) expect(one.writes).toBe(0)
})

test('every camera of a filter gets a password of its own, proved and kept, in a file for the VMS', async () => {
  for (const deviceId of cameras.keys()) await ocelli(['devices', 'edit', deviceId, '--add-tag', 'north'])
  const file = fileAt('all.csv')
  const ended = await change('--tag', 'north', ...generate, '--result', file, '--yes')
  expect(ended).toMatchObject({ code: 0, said: expect.stringContaining('Tell your VMS now') })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const rows = await rowsOf(file)
  expect([...rows.keys()].sort()).toEqual([...cameras.keys()].sort())
  expect(new Set([...rows.values()].map(({ password }) => password)).size).toBe(3)
  for (const [deviceId, { password, result }] of rows) {
    expect(result).toBe('CHANGED')
    expect(await lets(deviceId, password)).toBe(true)
    expect(camera(deviceId).refusedLogins).toBe(0)
  }
  await system.killGateway()
  for (const deviceId of cameras.keys()) await untilOnline(system, deviceId)
  for (const one of cameras.values()) expect(one.refusedLogins).toBe(0)
  expect(await lets(gate, oldPassword)).toBe(false)
})

test('a file with passwords is not overwritten', async () => {
  const before = await readFile(fileAt('all.csv'), 'utf8')
  const again = await change('--all', ...generate, '--result', fileAt('all.csv'), '--yes')
  expect(again).toMatchObject({ code: 2, said: expect.stringContaining('not overwritten') })
  expect(await readFile(fileAt('all.csv'), 'utf8')).toBe(before)
})

test('a lost answer is found out by looking, and a camera that refuses keeps its password', async () => {
  const before = await rowsOf(fileAt('all.csv'))
  camera(gate).setFault('dropReply', ['SetUser'])
  camera(yard).setFault('passwordRules', { minLength: 20 })
  camera(axisSerial).setFault('dropReply', ['pwdgrp'])
  const refusals = new Map([...cameras].map(([deviceId, { refusedLogins }]) => [deviceId, refusedLogins]))
  const ended = await change(gate, yard, axisSerial, ...generate, '--result', fileAt('faults.csv'), '--yes')
  for (const one of cameras.values()) one.clearFaults()
  expect(ended.code).toBe(1)
  const rows = await rowsOf(fileAt('faults.csv'))
  expect([...rows].map(([device, { result, code }]) => [device, result, code]).sort()).toEqual([
    [axisSerial, 'CHANGED', ''],
    [gate, 'CHANGED', ''],
    [yard, 'FAILED', 'password-refused'],
  ])
  for (const deviceId of [gate, axisSerial]) expect(await lets(deviceId, rows.get(deviceId)?.password ?? '')).toBe(true)
  expect(await lets(yard, before.get(yard)?.password ?? '')).toBe(true)
  for (const [deviceId, one] of cameras)
    expect(one.refusedLogins - (refusals.get(deviceId) ?? 0)).toBeLessThanOrEqual(1)
})

test('a gateway that is killed while a camera stays silent finds out afterwards, and the file is brought up to date', async () => {
  const file = fileAt('killed.csv')
  camera(gate).setFault('slowMs', 4_000)
  const ending = change(gate, ...generate, '--result', file, '--yes')
  await vi.waitFor(() => expect(camera(gate).requests.some(({ operation }) => operation === 'SetUser')).toBe(true), {
    timeout: 60_000,
    interval: 20,
  })
  await system.killGateway()
  camera(gate).clearFaults()
  const { code } = await ending
  const { body } = await system.call<{ items: RecoveryCopy[] }>(
    'GET',
    `/device/v1/gateways/${(await gateway()).gatewayId}/recovery-copies`,
  )
  expect(body.items.filter(({ deviceId }) => deviceId === gate).length).toBeGreaterThan(0)
  const first = await rowsOf(file)
  expect(await ocelli(['devices', 'change-credentials', '--continue', file])).toMatchObject({ code })
  expect(first.get(gate)).toMatchObject({ result: 'CHANGED' })
  expect((await rowsOf(file)).get(gate)).toEqual(first.get(gate))
  expect(await lets(gate, first.get(gate)?.password ?? '')).toBe(true)
  await untilOnline(system, gate)
})

const gateway = async () => {
  const [one] = (await system.call<Gateway[]>('GET', '/device/v1/gateways')).body
  if (!one) throw new Error('There is no gateway.')
  return one
}

test('a lost gateway gets the new passwords out of the recovery copies', async () => {
  const home = ['--home', join(system.home, 'gateway')]
  for (const deviceId of cameras.keys()) await runGatewayCommand(['camera', 'remove', deviceId, ...home], {})
  const { gatewayId } = await gateway()
  const key = join(system.home, 'key.json')
  expect(await ocelli(['gateways', 'reseal', gatewayId, '--key', key])).toMatchObject({ code: 0 })
  for (const deviceId of cameras.keys()) await untilOnline(system, deviceId)
})

test('neither the database, nor the gateway, nor what was said holds a password', async () => {
  const file = join(system.home, 'export.gz')
  await system.stop()
  const environment = { ...process.env, OCELLI_HOME: system.home, OCELLI_LOG_LEVEL: 'warn' }
  const exported = await runPlatformCommand(['export', file], environment)
  expect(exported).toMatchObject({ code: 0 })
  const folder = join(system.home, 'gateway')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
  const texts = await Promise.all(names.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')))
  const everything = [gunzipSync(await readFile(file)).toString(), exported.said, ...said, ...texts].join('\n')
  // what must be found, if anything can be
  expect(everything).toContain(axisSerial)
  made.delete('')
  expect(made.size).toBeGreaterThan(5)
  for (const password of [oldPassword, ...made]) expect(everything).not.toContain(password)
})
