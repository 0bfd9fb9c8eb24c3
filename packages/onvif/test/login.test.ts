import { expect, test } from 'vitest'
import { connect, connectApps, failureOf, PASSWORD, packageOf, startCamera, USER } from './camera-fixture.ts'

const modes = ['digest', 'digest-md5', 'digest-sha256', 'wsse', 'both'] as const
const WRONG = { credentials: { user: USER, password: 'wrong' } }
const HOUR_MS = 3_600_000

test.each(modes)('logs in to a camera that takes %s, without a refused login', async (auth) => {
  const camera = await startCamera({ auth })
  const apps = await connectApps(camera)
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(await apps.getInstalledApps()).toEqual([])
  expect(camera.refusedLogins).toBe(0)
})

test.each(
  (['auth', 'auth,auth-int', 'absent'] as const).flatMap((qop) =>
    (['token', 'quoted', 'absent'] as const).map((algorithm) => ({ qop, algorithm })),
  ),
)('answers a challenge with qop $qop and algorithm $algorithm', async (challengeShape) => {
  const camera = await startCamera({ auth: 'digest-md5', faults: { challengeShape } })
  const apps = await connectApps(camera)
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBe(0)
})

test('asks for a challenge once and then logs in with the request', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera)
  camera.clearRequests()
  await apps.getDeviceId()
  await apps.getDeviceId()
  expect(camera.requests.map(({ credentials, status }) => `${credentials} ${status}`)).toEqual([
    'none 401',
    'digest 200',
    'digest 200',
  ])
})

test.each(modes)(
  'gives up a wrong password at a camera that takes %s after one refused login, for good',
  async (auth) => {
    const camera = await startCamera({ auth })
    const client = connect(camera, WRONG)
    const apps = await client.appManagement()
    if (apps === null) throw new Error('no apps')
    expect(await failureOf(apps.getDeviceId())).toMatchObject({ code: 'credentials-refused', retryable: false })
    expect(camera.refusedLogins).toBe(1)
    expect(client.refusedLogins).toBe(1)
    camera.clearRequests()
    await failureOf(apps.getAppsInfo())
    await failureOf(
      apps.upload({
        open: () => {
          throw new Error('opened')
        },
        size: 1,
      }),
    )
    await failureOf(client.getDeviceInformation())
    expect(camera.requests).toEqual([])
    expect((await client.getSystemDateAndTime()).utc).toBeInstanceOf(Date)
    expect(camera.refusedLogins).toBe(1)
  },
)

test.each(modes)('guesses no more than twice when many calls race with a wrong password (%s)', async (auth) => {
  const camera = await startCamera({ auth, maxRefused: 3 })
  const apps = await connectApps(camera, WRONG)
  const calls = Array.from({ length: 10 }, () => failureOf(apps.getDeviceId()))
  for (const { code } of await Promise.all(calls)) expect(code).toBe('credentials-refused')
  expect(camera.refusedLogins).toBeLessThanOrEqual(2)
  expect(camera.isLockedOut).toBe(false)
})

test.each(modes)('stops after two refusals when the password is changed while it works (%s)', async (auth) => {
  const camera = await startCamera({ auth })
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  camera.setCredentials({ user: USER, password: 'changed' })
  for (let call = 0; call < 5; call++) await failureOf(apps.getDeviceId())
  expect(camera.refusedLogins).toBeLessThanOrEqual(2)
  expect((await failureOf(apps.getDeviceId())).code).toBe('credentials-refused')
})

test('says that a login is wanted when none was given', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera, { credentials: undefined })
  const error = await failureOf(apps.getDeviceId())
  expect(error.code).toBe('credentials-refused')
  expect(error.message).toContain('none was given')
  expect(camera.refusedLogins).toBe(0)
})

test.each([HOUR_MS, -HOUR_MS, 400 * 24 * HOUR_MS])(
  'logs in by UsernameToken though the camera clock is off by %i ms',
  async (clockOffsetMs) => {
    const camera = await startCamera({ auth: 'wsse', clockOffsetMs })
    const client = connect(camera)
    expect((await client.getSystemDateAndTime()).offsetMs).toBeCloseTo(clockOffsetMs, -4)
    const apps = await client.appManagement()
    expect(await apps?.getDeviceId()).toBe('CAM-0001')
    expect(camera.refusedLogins).toBe(0)
  },
)

test('measures the clock again when it jumps, at the price of one refused login', async () => {
  const camera = await startCamera({ auth: 'wsse' })
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  camera.setFault('clockOffsetMs', HOUR_MS)
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBeLessThanOrEqual(1)
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBeLessThanOrEqual(1)
})

test.each(modes)('reads the time from a camera that demands a login for it (%s)', async (auth) => {
  const camera = await startCamera({ auth, faults: { dateTimeNeedsAuthentication: true } })
  const client = connect(camera)
  expect((await client.getSystemDateAndTime()).offsetMs).toBeCloseTo(0, -4)
  expect(await (await client.appManagement())?.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBe(0)
})

test('logs in to a camera that does not tell UTC', async () => {
  const camera = await startCamera({ auth: 'wsse', faults: { utcDateTimeMissing: true } })
  expect(await (await connectApps(camera)).getDeviceId()).toBe('CAM-0001')
})

test('goes on after a reboot that has forgotten its nonces, without a refused login', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  await camera.reboot()
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBe(0)
})

test('follows a camera that is switched from UsernameToken to Digest', async () => {
  const camera = await startCamera({ auth: 'wsse' })
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  camera.setFault('auth', 'digest')
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBe(0)
})

test('follows a camera that is switched from Digest to UsernameToken, at the price of one failed call', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  camera.setFault('auth', 'wsse')
  expect((await failureOf(apps.getDeviceId())).code).toBe('rejected')
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(camera.refusedLogins).toBe(0)
})

test('keeps the login of a user who tries several things without the right', async () => {
  const guest = { username: 'guest', password: PASSWORD, level: 'User' } as const
  const camera = await startCamera({ users: [guest] })
  camera.installApp({ appId: 'com.example.counter' })
  const client = connect(camera, { credentials: { user: 'guest', password: PASSWORD } })
  const apps = await client.appManagement()
  if (apps === null) throw new Error('no apps')
  await apps.getDeviceId()
  for (const call of [apps.activate, apps.deactivate, apps.activate]) {
    expect((await failureOf(call('com.example.counter'))).code).toBe('rejected')
  }
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(client.refusedLogins).toBe(0)
})

test('says that a user may not install packages, and keeps his login', async () => {
  const guest = { username: 'guest', password: PASSWORD, level: 'User' } as const
  const camera = await startCamera({ users: [guest] })
  const apps = await connectApps(camera, { credentials: { user: 'guest', password: PASSWORD } })
  await apps.getDeviceId()
  const error = await failureOf(apps.upload(packageOf('com.example.counter 1.0 1')))
  expect(error).toMatchObject({ code: 'rejected', retryable: false })
  expect(error.message).toContain('does not allow')
  expect(await apps.getDeviceId()).toBe('CAM-0001')
})

test.each(modes)('takes no broken connection for a wrong password (%s)', async (auth) => {
  const camera = await startCamera({ auth })
  const client = connect(camera)
  const apps = await client.appManagement()
  if (apps === null) throw new Error('no apps')
  await apps.getDeviceId()
  camera.setFault('dropReply', ['GetDeviceId'])
  expect((await failureOf(apps.getDeviceId())).code).toBe('unreachable')
  camera.clearFault('dropReply')
  expect(await apps.getDeviceId()).toBe('CAM-0001')
  expect(client.refusedLogins).toBe(0)
})

test.each(['digest', 'wsse'] as const)(
  'tells a user without the right apart from a wrong password (%s)',
  async (auth) => {
    const guest = { username: 'guest', password: PASSWORD, level: 'User' } as const
    const camera = await startCamera({ auth, users: [guest] })
    camera.installApp({ appId: 'com.example.counter' })
    const apps = await connectApps(camera, { credentials: { user: 'guest', password: PASSWORD } })
    expect(await apps.getDeviceId()).toBe('CAM-0001')
    const error = await failureOf(apps.activate('com.example.counter'))
    expect(error.code).toBe('rejected')
    expect(error.message).toContain('does not allow')
    expect(await apps.getDeviceId()).toBe('CAM-0001')
  },
)

test('a refused login tells the realm that the camera named', async () => {
  const camera = await startCamera({ auth: 'digest-md5' })
  const error = await failureOf(connect(camera, WRONG).getDeviceInformation())
  expect(error).toMatchObject({ code: 'credentials-refused', realm: expect.stringMatching(/./) })
})
