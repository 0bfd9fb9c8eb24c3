import { expect, test } from 'vitest'
import { connectApps, failureOf, packageOf, startCamera, until } from './camera-fixture.ts'

const APP = 'com.example.counter'

async function cameraWithApp(options: Parameters<typeof startCamera>[0] = {}) {
  const camera = await startCamera({ configurable: 'all', ...options })
  const apps = await connectApps(camera)
  await apps.upload(packageOf(`${APP} 2.1 7`))
  await until(async () => (await apps.getAppsInfo(APP))[0]?.state === 'Inactive', 'the app is installed')
  camera.configureApp(APP, 'zones <1> & "2"\n')
  return { camera, apps }
}

test.each(['digest', 'digest-sha256', 'wsse', 'both'] as const)(
  'hands a configuration out and takes it back (%s)',
  async (auth) => {
    const { camera, apps } = await cameraWithApp({ auth })
    const configuration = await apps.getConfiguration(APP)
    camera.configureApp(APP, 'something else')
    expect(await apps.putConfiguration({ appId: APP, configuration: configuration ?? Buffer.alloc(0) })).toBe(true)
    expect(camera.apps()[0]?.configuration).toBe('zones <1> & "2"\n')
    expect(camera.refusedLogins).toBe(0)
  },
)

test('never sends an empty configuration to fetch a login', async () => {
  const { camera, apps } = await cameraWithApp()
  const configuration = (await apps.getConfiguration(APP)) ?? Buffer.alloc(0)
  camera.clearRequests()
  await apps.putConfiguration({ appId: APP, configuration })
  const posts = camera.requests.filter(({ operation }) => operation === 'RestoreConfiguration')
  expect(posts.map(({ credentials, status }) => `${credentials} ${status}`)).toEqual(['digest 200'])
})

test('says that another version wrote it', async () => {
  const { apps } = await cameraWithApp()
  const other = Buffer.from(`configuration of ${APP} 3\nzones`)
  const error = await failureOf(apps.putConfiguration({ appId: APP, configuration: other }))
  expect([error.code, error.httpStatus, error.retryable]).toEqual(['rejected', 521, false])
  expect(error.message).toContain('another version')
})

test('gives null where the camera names no place for it', async () => {
  const { apps } = await cameraWithApp({ configurable: ['com.example.other'] })
  expect(await apps.getConfiguration(APP)).toBeNull()
  expect(await apps.getConfiguration('com.example.nothing')).toBeNull()
  expect(await apps.putConfiguration({ appId: APP, configuration: Buffer.from('x') })).toBe(false)
})

test.each(['digest', 'both'] as const)(
  'a user who may not have it is told so, and the login stays good for all else (%s)',
  async (auth) => {
    const operator = { username: 'watcher', password: 'pass', level: 'Operator' } as const
    const camera = await startCamera({ configurable: 'all', users: [operator], auth })
    camera.installApp({ appId: APP })
    const credentials = { user: operator.username, password: operator.password }
    const apps = await connectApps(camera, { credentials })
    expect(await apps.getAppsInfo(APP)).toHaveLength(1)
    const error = await failureOf(apps.getConfiguration(APP))
    expect([error.code, error.retryable]).toEqual(['rejected', false])
    expect(await apps.getAppsInfo(APP)).toHaveLength(1)
  },
)
