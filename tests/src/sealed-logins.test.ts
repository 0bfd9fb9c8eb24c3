import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Device, Gateway } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runCliCommand, runGatewayCommand, runPlatformCommand } from './processes.ts'
import { type System, startSystem, untilOnline } from './system.ts'

const secret = () => `pw-${randomBytes(12).toString('hex')}`
const [gatePassword, yardPassword, wrongPassword] = [secret(), secret(), secret()]

let system: System
let gate: SimulatedCamera
let yard: SimulatedCamera
const said: string[] = []

beforeAll(async () => {
  system = await startSystem()
  gate = await system.camera('GATE-1', { password: gatePassword })
  yard = await system.camera('YARD-2', { password: yardPassword })
  await vi.waitFor(
    async () => {
      const { body } = await system.call<Gateway[]>('GET', '/device/v1/gateways')
      expect(body[0]?.sealingKey).toMatchObject({ crv: 'X25519' })
    },
    { timeout: 20_000, interval: 100 },
  )
})
afterAll(() => system.close())

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

const addressOf = ({ port }: SimulatedCamera) => `http://127.0.0.1:${port}`
const device = async (deviceId: string) => (await system.call<Device>('GET', `/device/v1/devices/${deviceId}`)).body

test('the account gets a recovery key, whose private half stays in a file', async () => {
  const made = await ocelli(['gateways', 'recovery-key', '--out', join(system.home, 'recovery-key.json')])
  expect(made).toMatchObject({ code: 0 })
})

test('cameras of a list are claimed through the gateway, and each tells what came of it', async () => {
  const [csv, result] = [join(system.home, 'cameras.csv'), join(system.home, 'result.csv')]
  const lines = [
    'HardwareAddress;UserName;Password;HardwareName;Customer;Tags',
    `${addressOf(gate)};admin;${gatePassword};Gate 3;City of Riga;"lobby,north"`,
    `${addressOf(yard)};admin;${wrongPassword};Yard;;`,
  ]
  await writeFile(csv, `\uFEFF${lines.join('\r\n')}\r\n`)

  const dry = await ocelli(['devices', 'claim', '--csv', csv, '--dry-run'])
  expect(dry).toMatchObject({ code: 0, said: expect.stringContaining('City of Riga') })
  expect((await system.call('GET', '/device/v1/devices')).body).toMatchObject({ items: [] })

  expect(await ocelli(['devices', 'claim', '--csv', csv, '--result', result])).toMatchObject({ code: 1 })

  const [, first, second] = (await readFile(result, 'utf8')).split('\r\n')
  expect(first).toBe(`${addressOf(gate)},GATE-1,CLAIMED,,`)
  expect(second).toContain(`${addressOf(yard)},,FAILED,credentials-refused,`)
  expect(await device('GATE-1')).toMatchObject({
    ...{ state: 'CLAIMED', name: 'Gate 3', customer: 'City of Riga', tags: ['lobby', 'north'] },
  })
  await untilOnline(system, 'GATE-1')
})

test('one camera is claimed with the password of the environment', async () => {
  const flags = ['devices', 'claim', '--address', addressOf(yard), '--user', 'admin']
  expect(await ocelli(flags, { OCELLI_CAMERA_PASSWORD: yardPassword })).toMatchObject({ code: 0 })
  await untilOnline(system, 'YARD-2')
})

test('another login is kept only when the camera takes it', async () => {
  const change = ['devices', 'change-credentials', 'YARD-2', '--user', 'admin', '--json']
  const refused = await ocelli(change, { OCELLI_CAMERA_PASSWORD: `${wrongPassword}-2` })
  expect(refused).toMatchObject({ code: 1, said: expect.stringContaining('credentials-refused') })
  await system.killGateway()
  await untilOnline(system, 'YARD-2')
  expect(await ocelli(change, { OCELLI_CAMERA_PASSWORD: yardPassword })).toMatchObject({ code: 0 })
})

test('a gateway that has lost its passwords gets them again out of the copies for the recovery key', async () => {
  const gateway = ['--home', join(system.home, 'gateway')]
  for (const deviceId of ['GATE-1', 'YARD-2']) await runGatewayCommand(['camera', 'remove', deviceId, ...gateway], {})
  const [{ gatewayId } = { gatewayId: '' }] = (await system.call<Gateway[]>('GET', '/device/v1/gateways')).body

  const key = join(system.home, 'recovery-key.json')
  expect(await ocelli(['gateways', 'reseal', gatewayId, '--key', key])).toMatchObject({ code: 0 })

  const cameras = await runGatewayCommand(['camera', 'list', ...gateway], {})
  expect(cameras).toContain('GATE-1')
  expect(cameras).toContain('YARD-2')
})

test('neither the database nor what was said holds a password', async () => {
  const file = join(system.home, 'export.gz')
  await system.stop()
  const environment = { ...process.env, OCELLI_HOME: system.home, OCELLI_LOG_LEVEL: 'warn' }
  const exported = await runPlatformCommand(['export', file], environment)
  expect(exported).toMatchObject({ code: 0 })
  const everything = [gunzipSync(await readFile(file)).toString(), exported.said, ...said].join('\n')
  // what must be found, if anything can be
  expect(everything).toContain('City of Riga')
  for (const password of [gatePassword, yardPassword, wrongPassword]) expect(everything).not.toContain(password)
})
