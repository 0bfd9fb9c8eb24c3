import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { connect, connectApps, failureOf, packageOf, startCamera, USER, until } from './camera-fixture.ts'

const APP = 'com.example.counter'
const PACKAGE = `${APP} 1.20 7`

const bigPackage = (size: number) => {
  const part = Buffer.alloc(64 * 1024, 'x')
  return {
    size,
    open: () =>
      Readable.from(
        (function* () {
          for (let left = size; left > 0; left -= part.length) yield left < part.length ? part.subarray(0, left) : part
        })(),
      ),
  }
}

test.each(['digest', 'digest-sha256', 'wsse', 'both'] as const)(
  'sends a package once, with a login fetched before it (%s)',
  async (auth) => {
    const camera = await startCamera({ auth })
    const apps = await connectApps(camera)
    const progress: number[] = []
    camera.clearRequests()
    await apps.upload({ ...packageOf(PACKAGE), onProgress: (bytes) => progress.push(bytes) })
    const uploads = camera.requests.filter(({ operation }) => operation === 'Upload')
    expect(uploads.map(({ credentials, status }) => `${credentials} ${status}`)).toEqual(['none 401', 'digest 200'])
    expect(progress.at(-1)).toBe(PACKAGE.length)
    await until(async () => (await apps.getAppsInfo(APP))[0]?.state === 'Inactive', 'the app is installed')
    // A version must stay the text it is.
    expect((await apps.getAppsInfo(APP))[0]).toMatchObject({ version: '1.20', appId: APP })
    expect(camera.refusedLogins).toBe(0)
  },
)

test.each([
  [400, 'rejected'],
  [401, 'rejected'],
  [408, 'timeout'],
  [411, 'rejected'],
  [413, 'rejected'],
  [415, 'rejected'],
  [503, 'rejected'],
  [507, 'rejected'],
])('hears the status %i while it sends and stops', async (status, code) => {
  const camera = await startCamera({ faults: { refuseUpload: status } })
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  let sent = 0
  const size = 64 * 1024 * 1024
  const error = await failureOf(
    apps.upload({
      ...bigPackage(size),
      onProgress: (bytes) => {
        sent = bytes
      },
    }),
  )
  expect(error.httpStatus).toBe(status === 401 ? error.httpStatus : status)
  expect(error.code).toBe(code)
  expect(sent).toBeLessThan(size)
  expect(camera.refusedLogins).toBeLessThanOrEqual(1)
})

test('says that a package is too large or does not fit', async () => {
  const tooLarge = await connectApps(await startCamera({ maxPackageBytes: 1000 }))
  expect((await failureOf(tooLarge.upload(bigPackage(2_000_000)))).httpStatus).toBe(413)
  const full = await connectApps(await startCamera({ freeBytes: 1000 }))
  expect((await failureOf(full.upload(bigPackage(2_000_000)))).httpStatus).toBe(507)
})

test('tells that the connection broke in the middle of a package', async () => {
  const camera = await startCamera({ faults: { dropUploadAfterBytes: 200_000 } })
  const apps = await connectApps(camera)
  expect(await failureOf(apps.upload(bigPackage(5_000_000)))).toMatchObject({ code: 'unreachable', retryable: true })
})

test('is cancelled in the middle of a package', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera)
  const cancel = new AbortController()
  const uploading = failureOf(
    apps.upload({ ...bigPackage(50_000_000), signal: cancel.signal, onProgress: () => cancel.abort() }),
  )
  expect((await uploading).code).toBe('cancelled')
})

test.each([-1, 1])('fails when the package does not have the announced size (%i byte)', async (difference) => {
  const camera = await startCamera()
  const { open, size } = packageOf(PACKAGE)
  const apps = await connectApps(camera)
  const error = await failureOf(apps.upload({ open, size: size + difference }))
  expect(error.message).toContain('announced')
  expect(await apps.getInstalledApps()).toEqual([])
})

test('fails when the package cannot be read', async () => {
  const apps = await connectApps(await startCamera())
  const open = () =>
    new Readable({
      read() {
        this.destroy(new Error('disk'))
      },
    })
  const error = await failureOf(apps.upload({ open, size: 10 }))
  expect(error.message).toContain('could not be read')
})

test('guesses a wrong password once for an upload', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera, { credentials: { user: USER, password: 'wrong' } })
  let isOpened = 0
  const { open, size } = packageOf(PACKAGE)
  const upload = () =>
    failureOf(
      apps.upload({
        open: () => {
          isOpened += 1
          return open()
        },
        size,
      }),
    )
  expect((await upload()).code).toBe('credentials-refused')
  expect((await upload()).code).toBe('credentials-refused')
  expect(camera.refusedLogins).toBe(1)
  expect(isOpened).toBe(1)
})

test('is told by the event why an installation failed', async () => {
  const camera = await startCamera({ faults: { failInstall: 'bad signature' } })
  const client = connect(camera)
  const apps = await client.appManagement()
  const subscription = await client.subscribeAppStates()
  await apps?.upload(packageOf(PACKAGE))
  const states: string[] = []
  await until(async () => {
    for (const { appId, state, status } of await subscription.pull({ waitMs: 1000 }))
      states.push(`${appId} ${state} ${status}`)
    return states.some((state) => state.includes('InstallationFailed'))
  }, 'the failure is announced')
  expect(states).toEqual([`${APP} Installing `, `${APP} InstallationFailed bad signature`])
  await subscription.close()
})

test('outlives a camera that reboots while it is sent a package', async () => {
  const camera = await startCamera({ faults: { rebootDuring: { step: 'upload', downMs: 50 } } })
  const apps = await connectApps(camera)
  const error = await failureOf(apps.upload(bigPackage(5_000_000)))
  expect(error).toMatchObject({ code: 'unreachable', retryable: true })
  await until(() => camera.isUp, 'the camera is back')
  await apps.upload(packageOf(PACKAGE))
  await until(async () => (await apps.getAppsInfo(APP))[0]?.state === 'Inactive', 'the app is installed')
  expect(camera.refusedLogins).toBe(0)
})
