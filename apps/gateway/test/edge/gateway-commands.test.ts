import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/state/clock.ts'
import { type CommandBench, startCommandBench } from './command-bench.ts'
import { createTestAuthority, type TestAuthority } from './test-authority.ts'
import { gatewayId } from './test-platform.ts'

let authority: TestAuthority
let bench: CommandBench
beforeAll(async () => {
  authority = await createTestAuthority()
})
beforeEach(async () => {
  bench = await startCommandBench(authority)
})
afterEach(() => bench.close())

/** Time that passes without waiting. */
function createHurriedClock(): Clock {
  let nowMs = 0
  const sleep = async (ms: number) => {
    nowMs += ms
  }
  return { now: () => Date.now() + nowMs, monotonic: () => nowMs, sleep }
}

describe('a command of the gateway', () => {
  test('enroll prints the id of the gateway and talks beside it', async () => {
    const { enroll } = bench
    expect(await enroll()).toMatchObject({
      code: 0,
      out: gatewayId,
      err: expect.stringContaining('ocelli-gateway run'),
    })
  })

  test('enroll takes its token from the environment', async () => {
    const { platform, run } = bench
    const ran = await run(['enroll', '--platform', platform.url], { env: { OCELLI_ENROLLMENT_TOKEN: platform.token } })
    expect(ran.code).toBe(0)
    expect(await run(['enroll', '--platform', platform.url])).toMatchObject({ code: 2 })
  })

  test('camera add waits for a gateway that is enrolling at this moment', async () => {
    const { run, placeCamera, enroll } = bench
    placeCamera('http://192.0.2.7')
    const isWaiting = Promise.withResolvers<string>()
    const adding = run(['camera', 'add', '--address', '192.0.2.7', '--user', 'admin'], {
      env: { OCELLI_CAMERA_PASSWORD: 'right' },
      onSaid: isWaiting.resolve,
    })
    expect(await isWaiting.promise).toContain('Waiting 10 seconds')
    await enroll()
    expect(await adding).toMatchObject({ code: 0, out: 'cam-1' })
  })

  test('camera add and run say that the folder is not enrolled', async () => {
    const { run } = bench
    const flags = ['camera', 'add', '--address', '192.0.2.7', '--user', 'admin']
    const said = await run(flags, { env: { OCELLI_CAMERA_PASSWORD: 'right' }, clock: createHurriedClock() })
    expect(said).toMatchObject({ code: 3, err: expect.stringContaining('ocelli-gateway enroll') })
    expect(await run(['run'])).toMatchObject({ code: 3, err: expect.stringContaining('ocelli-gateway enroll') })
  })

  test('a camera as it left the factory is not sent a password until it is given its first one', async () => {
    const { run, placeCamera, enroll, add } = bench
    await enroll()
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
    const { run, placeCamera, enroll, add, stored } = bench
    await enroll()
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
    const { run, placeCamera } = bench
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
    const { run } = bench
    const { code, err } = await run(args)
    expect(code).toBe(2)
    expect(err).not.toBe('')
  })

  test('help and version are data', async () => {
    const { run } = bench
    expect(await run(['--version'])).toMatchObject({ code: 0, out: '0.1.0', err: '' })
    expect(await run(['camera', 'add', '--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('--password-file'),
    })
  })
})
