import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRefusedLogins } from '../../src/cameras/refused-logins.ts'
import { createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { type CommandBench, pin, startCommandBench } from './command-bench.ts'
import { createTestAuthority, type TestAuthority } from './test-authority.ts'
import { siteId } from './test-platform.ts'

let authority: TestAuthority
let bench: CommandBench
beforeAll(async () => {
  authority = await createTestAuthority()
})
beforeEach(async () => {
  bench = await startCommandBench(authority)
  await bench.enroll()
})
afterEach(() => bench.close())

describe('camera add', () => {
  test('claims the camera with what it says of itself, pins its certificate and keeps it', async () => {
    const { placeCamera, add, claims, stored } = bench
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
    const { placeCamera, add, stored } = bench
    placeCamera('http://192.0.2.7')
    const { code, asked, err } = await add('192.0.2.7')
    expect(code).toBe(0)
    expect(asked).toEqual(['https://192.0.2.7', 'http://192.0.2.7'])
    expect(err).toContain('without encryption')
    expect((await stored())[0]?.tls.pinnedSha256).toBeNull()
  })

  test('prefers a camera on http to something else that answers on https', async () => {
    const { network, placeCamera, add } = bench
    placeCamera('https://192.0.2.7', { probe: { speaks: false, detail: 'This is a printer.' } })
    placeCamera('http://192.0.2.7')
    expect((await add('192.0.2.7')).code).toBe(0)
    network.delete('http://192.0.2.7')
    expect(await add('192.0.2.7')).toMatchObject({ code: 8, err: 'This is a printer.' })
  })

  test('takes the password from a file without its line end, or asks for it', async () => {
    const { home, run, placeCamera } = bench
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
    const { placeCamera, add, claims, stored } = bench
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
    const { run, placeCamera, add } = bench
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

  test('a third password is not tried within half an hour unless somebody insists', async () => {
    const { placeCamera, add } = bench
    const camera = placeCamera('http://192.0.2.7')
    for (const password of ['wrong', 'wronger']) expect((await add('192.0.2.7', password)).code).toBe(7)
    const { refusedLogins } = camera
    expect(await add('192.0.2.7', 'right')).toMatchObject({ code: 7, err: expect.stringContaining('two other logins') })
    expect(camera.refusedLogins).toBe(refusedLogins)
    expect((await add('192.0.2.7', 'right', ['--try-again'])).code).toBe(0)
  })

  test('an empty password is not tried', async () => {
    const { home, placeCamera, run } = bench
    const camera = placeCamera('http://192.0.2.7')
    const file = join(home, 'empty.txt')
    await writeFile(file, '\n')
    const flags = ['camera', 'add', '--address', 'http://192.0.2.7', '--user', 'admin']
    expect(await run([...flags, '--password-file', file])).toMatchObject({
      code: 2,
      err: expect.stringContaining(file),
    })
    expect(await run(flags, { typed: '' })).toMatchObject({ code: 2 })
    expect(camera.refusedLogins).toBe(0)
  })

  test('a login that the running gateway was refused is not tried by hand either, nor the other way round', async () => {
    const { home, placeCamera, add } = bench
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
    const { home, placeCamera, add } = bench
    placeCamera('http://192.0.2.7')
    await add('192.0.2.7', 'hunter2-wrong')
    for (const name of await readdir(home, { recursive: true })) {
      const text = await readFile(join(home, name), 'utf8').catch(() => '')
      expect(text).not.toContain('hunter2')
    }
  })

  test('does not send the password to a certificate other than the one that was probed', async () => {
    const { placeCamera, add } = bench
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
    const { placeCamera, add, claims } = bench
    placeCamera('http://192.0.2.7', changes)
    expect(await add('192.0.2.7')).toMatchObject({ code: 8, err: expect.stringContaining(sentence) })
    expect(claims()).toEqual([])
  })

  test('nothing that answers', async () => {
    const { add } = bench
    expect(await add('192.0.2.7')).toMatchObject({ code: 6, err: 'Nothing answers at http://192.0.2.7.' })
  })

  test.each([
    ['of another account', { result: 'claimed-elsewhere', assignment: null }, 'another account'],
    ['of another gateway', { result: 'already-claimed', assignment: null }, 'another gateway'],
  ] as const)('a camera %s is not kept', async (_title, result, sentence) => {
    const { answerClaims, placeCamera, add, stored } = bench
    answerClaims(result)
    placeCamera('http://192.0.2.7')
    expect(await add('192.0.2.7')).toMatchObject({ code: 5, err: expect.stringContaining(sentence) })
    expect(await stored()).toEqual([])
  })

  test('adding a camera once more brings its new address and password, and keeps its name', async () => {
    const { answerClaims, placeCamera, add, stored } = bench
    placeCamera('http://192.0.2.7')
    await add('192.0.2.7', 'right', ['--name', 'Gate 3'])
    answerClaims({ result: 'already-claimed', assignment: 4 })
    placeCamera('http://192.0.2.8', { password: 'newer' })
    expect((await add('192.0.2.8', 'newer')).code).toBe(0)
    expect(await stored()).toMatchObject([
      { name: 'Gate 3', address: 'http://192.0.2.8', credentials: { password: 'newer' }, assignment: 4 },
    ])
  })

  test('a platform that is away is said so', async () => {
    const { platform, placeCamera, add, stored } = bench
    placeCamera('http://192.0.2.7')
    await platform.close()
    expect(await add('192.0.2.7')).toMatchObject({ code: 4, err: expect.stringContaining('Cannot reach') })
    expect(await stored()).toEqual([])
  })
})
