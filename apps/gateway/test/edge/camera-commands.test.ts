import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClaimResult } from '@ocelli/contract'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createCameraStore } from '../../src/cameras/camera-store.ts'
import { createRefusedLogins } from '../../src/cameras/refused-logins.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { quietLog } from './quiet-log.ts'
import { createScriptedDriver, type ScriptedCamera } from './scripted-driver.ts'
import { createTestAuthority, type TestAuthority } from './test-authority.ts'
import { gatewayId, reply, siteId, startTestPlatform, type TestPlatform } from './test-platform.ts'

let authority: TestAuthority
let home: string
let platform: TestPlatform
let network: Map<string, ScriptedCamera>
let claimed: Partial<ClaimResult>
const pin = 'c'.repeat(64)

beforeAll(async () => {
  authority = await createTestAuthority()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-cli-'))
  platform = await startTestPlatform({ authority, server: null })
  claimed = { result: 'claimed', assignment: 3 }
  platform.routes.set('POST /device/v1/claims', ({ body }, response) => {
    const { devices } = JSON.parse(body) as { devices: { deviceId: string }[] }
    reply(response, 200, { results: devices.map(({ deviceId }) => ({ deviceId, ...claimed })) })
  })
  network = new Map()
})
afterEach(async () => {
  await platform.close()
  await rm(home, { recursive: true, force: true })
})

function placeCamera(address: string, changes: Partial<ScriptedCamera> = {}): ScriptedCamera {
  const camera = {
    deviceId: 'cam-1',
    password: 'right',
    certificateSha256: pin,
    probe: {},
    facts: {},
    refusedLogins: 0,
  }
  network.set(address, { ...camera, ...changes })
  return network.get(address) as ScriptedCamera
}

interface Ran {
  code: number
  out: string
  err: string
  asked: string[]
}

async function run(
  args: string[],
  options: { env?: Record<string, string>; clock?: Clock; typed?: string } = {},
): Promise<Ran> {
  const out: string[] = []
  const err: string[] = []
  const driver = createScriptedDriver(network)
  const { env = {}, typed } = options
  const code = await runCli({
    args: [...args, '--home', home],
    surroundings: { env, platform: 'linux', isRoot: false, homeFolder: home },
    env,
    version: '0.1.0',
    drivers: { onvif: async () => driver },
    clock: options.clock ?? createSystemClock(),
    signal: AbortSignal.timeout(15_000),
    print: (line) => void out.push(line),
    say: (line) => void err.push(line),
    askPassword: typed === undefined ? null : async () => typed,
  })
  return { code, out: out.join('\n'), err: err.join('\n'), asked: driver.asked }
}

/** Time that passes without waiting. */
function createHurriedClock(): Clock {
  let nowMs = 0
  const sleep = async (ms: number) => {
    nowMs += ms
  }
  return { now: () => Date.now() + nowMs, monotonic: () => nowMs, sleep }
}

const enrolled = () => run(['enroll', '--platform', platform.url, '--token', platform.token, '--name', 'Gate house'])
const add = (address: string, password = 'right', more: string[] = []) =>
  run(['camera', 'add', '--address', address, '--user', 'admin', ...more], {
    env: { OCELLI_CAMERA_PASSWORD: password },
  })
const claims = () =>
  platform.exchanges.filter(({ path }) => path === '/device/v1/claims').map(({ body }) => JSON.parse(body))
async function stored() {
  const folder = await openStateFolder(home)
  const store = await createCameraStore({ folder, clock: createSystemClock(), log: quietLog, watchEveryMs: null })
  return store.list()
}

describe('camera add', () => {
  beforeEach(async () => void (await enrolled()))

  test('claims the camera with what it says of itself, pins its certificate and keeps it', async () => {
    placeCamera('https://192.0.2.7', { facts: { model: 'M1' } })
    const { code, out, err } = await add('192.0.2.7', 'right', ['--name', 'Gate 3'])
    expect({ code, out }).toEqual({ code: 0, out: 'cam-1' })
    expect(err).toContain('is claimed')
    expect(claims()).toMatchObject([
      {
        devices: [
          {
            ...{ deviceId: 'cam-1', identitySource: 'onvif:GetDeviceId', driver: 'onvif', siteId, name: 'Gate 3' },
            ...{ address: 'https://192.0.2.7', facts: { model: 'M1', appFormats: ['apk'] } },
          },
        ],
      },
    ])
    expect(await stored()).toMatchObject([
      {
        ...{ deviceId: 'cam-1', identitySource: 'onvif:GetDeviceId', driver: 'onvif', siteId, name: 'Gate 3' },
        ...{ address: 'https://192.0.2.7', credentials: { user: 'admin', password: 'right' }, assignment: 3 },
        tls: { pinnedSha256: pin, allowLegacy: false },
      },
    ])
  })

  test('tries https before http, and says that http is not encrypted', async () => {
    placeCamera('http://192.0.2.7')
    const { code, asked, err } = await add('192.0.2.7')
    expect(code).toBe(0)
    expect(asked).toEqual(['https://192.0.2.7', 'http://192.0.2.7'])
    expect(err).toContain('without encryption')
    expect((await stored())[0]?.tls.pinnedSha256).toBeNull()
  })

  test('prefers a camera on http to something else that answers on https', async () => {
    placeCamera('https://192.0.2.7', { probe: { speaks: false, detail: 'This is a printer.' } })
    placeCamera('http://192.0.2.7')
    expect((await add('192.0.2.7')).code).toBe(0)
    network.delete('http://192.0.2.7')
    expect(await add('192.0.2.7')).toMatchObject({ code: 8, err: 'This is a printer.' })
  })

  test('takes the password from a file without its line end, or asks for it', async () => {
    placeCamera('http://192.0.2.7')
    const file = join(home, 'password.txt')
    await writeFile(file, 'right\n')
    const flags = ['camera', 'add', '--address', 'http://192.0.2.7', '--user', 'admin']
    expect((await run([...flags, '--password-file', file])).code).toBe(0)
    expect((await run(flags, { typed: 'right' })).code).toBe(0)
    expect(await run(flags)).toMatchObject({ code: 2, err: expect.stringContaining('--password-file') })
    expect(await run([...flags, '--password-file', `${file}.no`])).toMatchObject({ code: 2 })
  })

  test('a wrong password is one sentence, is not tried again, and nothing is claimed or kept', async () => {
    const camera = placeCamera('http://192.0.2.7')
    expect(await add('192.0.2.7', 'wrong')).toMatchObject({
      code: 7,
      out: '',
      err: 'The camera refused the user name or the password.',
    })
    expect(await add('192.0.2.7', 'wrong')).toMatchObject({ code: 7, err: expect.stringContaining('wait 30 minutes') })
    expect(camera.refusedLogins).toBe(2)
    expect(claims()).toEqual([])
    expect(await stored()).toEqual([])
  })

  test('another password may be tried at once, the refused one after half an hour, whatever was accepted between', async () => {
    const camera = placeCamera('http://192.0.2.7')
    await add('192.0.2.7', 'wrong')
    expect((await add('192.0.2.7', 'right')).code).toBe(0)
    expect(await add('192.0.2.7', 'wrong')).toMatchObject({ code: 7, err: expect.stringContaining('wait 30 minutes') })
    expect(camera.refusedLogins).toBe(2)
    const system = createSystemClock()
    const later = { ...system, now: () => system.now() + 30 * 60_000 }
    const flags = ['camera', 'add', '--address', '192.0.2.7', '--user', 'admin']
    await run(flags, { env: { OCELLI_CAMERA_PASSWORD: 'wrong' }, clock: later })
    expect(camera.refusedLogins).toBe(4)
  })

  test('a login that the running gateway was refused is not tried by hand either, nor the other way round', async () => {
    const camera = placeCamera('https://192.0.2.7')
    await add('192.0.2.7')
    const clock = createSystemClock()
    const ofGateway = createRefusedLogins({ folder: await openStateFolder(home), clock })
    const place = { address: 'https://192.0.2.7', deviceId: 'cam-1' }
    await ofGateway.note(place, { user: 'admin', password: 'old' })
    expect(await add('192.0.2.7', 'old')).toMatchObject({ code: 7, err: expect.stringContaining('wait 30 minutes') })
    expect(camera.refusedLogins).toBe(0)
    await add('192.0.2.7', 'wrong')
    expect(camera.refusedLogins).toBe(2)
    const moved = { ...place, address: 'https://192.0.2.99' }
    expect(await ofGateway.closedForMs(moved, { user: 'admin', password: 'wrong' })).toBeGreaterThan(29 * 60_000)
    expect(await ofGateway.closedForMs(moved, { user: 'admin', password: 'right' })).toBe(0)
  })

  test('keeps no refused password readable', async () => {
    placeCamera('http://192.0.2.7')
    await add('192.0.2.7', 'hunter2-wrong')
    for (const name of await readdir(home, { recursive: true })) {
      const text = await readFile(join(home, name), 'utf8').catch(() => '')
      expect(text).not.toContain('hunter2')
    }
  })

  test('does not send the password to a certificate other than the one that was probed', async () => {
    const camera = placeCamera('https://192.0.2.7', {
      probe: { certificate: { sha256: 'd'.repeat(64), expiresAt: '2030-01-01T00:00:00Z' } },
    })
    expect(await add('192.0.2.7')).toMatchObject({ code: 7, err: expect.stringContaining('certificate') })
    expect(camera.refusedLogins).toBe(0)
  })

  test.each([
    [
      'says so before the login',
      { probe: { runsApps: false, detail: 'It has no app management.' } },
      'no app management',
    ],
    ['shows so after the login', { probe: { runsApps: null }, facts: { appFormats: [] } }, 'takes no apps'],
  ])('a camera without app management that %s is not claimed', async (_title, changes, sentence) => {
    placeCamera('http://192.0.2.7', changes)
    expect(await add('192.0.2.7')).toMatchObject({ code: 8, err: expect.stringContaining(sentence) })
    expect(claims()).toEqual([])
  })

  test('nothing that answers', async () => {
    expect(await add('192.0.2.7')).toMatchObject({ code: 6, err: 'Nothing answers at http://192.0.2.7.' })
  })

  test.each([
    ['of another account', { result: 'claimed-elsewhere', assignment: null }, 'another account'],
    ['of another gateway', { result: 'already-claimed', assignment: null }, 'another gateway'],
  ] as const)('a camera %s is not kept', async (_title, result, sentence) => {
    claimed = result
    placeCamera('http://192.0.2.7')
    expect(await add('192.0.2.7')).toMatchObject({ code: 5, err: expect.stringContaining(sentence) })
    expect(await stored()).toEqual([])
  })

  test('adding a camera once more brings its new address and password, and keeps its name', async () => {
    placeCamera('http://192.0.2.7')
    await add('192.0.2.7', 'right', ['--name', 'Gate 3'])
    claimed = { result: 'already-claimed', assignment: 4 }
    placeCamera('http://192.0.2.8', { password: 'newer' })
    expect((await add('192.0.2.8', 'newer')).code).toBe(0)
    expect(await stored()).toMatchObject([
      { name: 'Gate 3', address: 'http://192.0.2.8', credentials: { password: 'newer' }, assignment: 4 },
    ])
  })

  test('a platform that is away is said so', async () => {
    placeCamera('http://192.0.2.7')
    await platform.close()
    expect(await add('192.0.2.7')).toMatchObject({ code: 4, err: expect.stringContaining('Cannot reach') })
    expect(await stored()).toEqual([])
  })
})

describe('the other commands', () => {
  test('enroll prints the id of the gateway and talks beside it', async () => {
    expect(await enrolled()).toMatchObject({
      code: 0,
      out: gatewayId,
      err: expect.stringContaining('ocelli-gateway run'),
    })
  })

  test('enroll takes its token from the environment', async () => {
    const ran = await run(['enroll', '--platform', platform.url], { env: { OCELLI_ENROLLMENT_TOKEN: platform.token } })
    expect(ran.code).toBe(0)
    expect(await run(['enroll', '--platform', platform.url])).toMatchObject({ code: 2 })
  })

  test('camera add waits for a gateway that is enrolling at this moment', async () => {
    placeCamera('http://192.0.2.7')
    const adding = add('192.0.2.7')
    await enrolled()
    expect(await adding).toMatchObject({ code: 0, err: expect.stringContaining('Waiting 10 seconds') })
  })

  test('camera add and run say that the folder is not enrolled', async () => {
    const flags = ['camera', 'add', '--address', '192.0.2.7', '--user', 'admin']
    const said = await run(flags, { env: { OCELLI_CAMERA_PASSWORD: 'right' }, clock: createHurriedClock() })
    expect(said).toMatchObject({ code: 3, err: expect.stringContaining('ocelli-gateway enroll') })
    expect(await run(['run'])).toMatchObject({ code: 3, err: expect.stringContaining('ocelli-gateway enroll') })
  })

  test('a camera as it left the factory is not sent a password until it is given its first one', async () => {
    await enrolled()
    const camera = placeCamera('https://192.0.2.7', { probe: { needsFirstPassword: true } })
    const refused = await add('192.0.2.7')
    expect(refused.code).toBe(7)
    expect(refused.err).toContain('camera first-user')
    expect(camera.refusedLogins).toBe(0)
    const firstUser = ['camera', 'first-user', '--address', '192.0.2.7', '--user', 'root']
    const made = await run(firstUser, { env: { OCELLI_CAMERA_PASSWORD: 'first' } })
    expect(made.code).toBe(0)
    expect((await add('192.0.2.7', 'first')).code).toBe(0)
    const again = await run(firstUser, { env: { OCELLI_CAMERA_PASSWORD: 'second' } })
    expect(again).toMatchObject({ code: 8, err: expect.stringContaining('has a user already') })
    expect(camera.password).toBe('first')
  })

  test('camera list shows cameras without passwords; camera remove forgets one', async () => {
    await enrolled()
    placeCamera('http://192.0.2.7', { deviceId: 'b' })
    placeCamera('http://192.0.2.8', { deviceId: 'a' })
    await add('192.0.2.7', 'right', ['--name', 'Gate 3'])
    await add('192.0.2.8')
    expect((await run(['camera', 'list'])).out).toBe('a\tonvif\thttp://192.0.2.8\nb\tonvif\thttp://192.0.2.7\tGate 3')
    const json = (await run(['camera', 'list', '--json'])).out
    expect(JSON.parse(json)).toMatchObject([{ deviceId: 'a' }, { deviceId: 'b', name: 'Gate 3', user: 'admin' }])
    expect(json).not.toContain('right')
    expect((await run(['camera', 'remove', 'a'])).code).toBe(0)
    expect((await stored()).map(({ deviceId }) => deviceId)).toEqual(['b'])
    expect(await run(['camera', 'remove', 'a'])).toMatchObject({ code: 2, err: expect.stringContaining('no camera a') })
  })

  test('probe says one sentence, needs no enrollment, and tells by its code whether apps can run', async () => {
    placeCamera('https://192.0.2.7')
    placeCamera('http://192.0.2.8', { probe: { runsApps: false, detail: 'It has no app management.' } })
    expect(await run(['probe', '192.0.2.7'])).toMatchObject({ code: 0, out: 'It can run apps over ONVIF.', err: '' })
    expect(await run(['probe', '192.0.2.8'])).toMatchObject({ code: 8, out: 'It has no app management.', err: '' })
    expect(await run(['probe', '192.0.2.9'])).toMatchObject({ code: 6, out: '' })
    const json = JSON.parse((await run(['probe', '192.0.2.7', '--json'])).out)
    expect(json).toMatchObject({ address: 'https://192.0.2.7', driver: 'onvif', runsApps: true })
  })

  test.each([
    [['nonsense']],
    [['enroll']],
    [['camera', 'add']],
    [['probe', 'ftp://x']],
    [['run', '--cache-gigabytes', 'x']],
  ])('%j is wrong usage', async (args) => {
    const { code, err } = await run(args)
    expect(code).toBe(2)
    expect(err).not.toBe('')
  })

  test('help and version are data', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, out: '0.1.0', err: '' })
    expect(await run(['camera', 'add', '--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('--password-file'),
    })
  })
})
