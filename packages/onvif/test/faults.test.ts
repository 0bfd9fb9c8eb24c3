import { expect, test } from 'vitest'
import { connect, connectApps, failureOf, startCamera } from './camera-fixture.ts'

const APP = 'com.example.counter'

test.each(['private', 'loopback', 'garbage', 'path-only'] as const)(
  'reaches the services of a camera that gives %s addresses at the address in use',
  async (xaddr) => {
    const camera = await startCamera({ faults: { xaddr } })
    const client = connect(camera)
    if (xaddr === 'garbage') {
      // Without a path nothing but the device service's own path is left to try.
      expect((await failureOf((await client.appManagement())?.getDeviceId() ?? Promise.resolve())).code).toMatch(
        /rejected|unsupported/,
      )
      return
    }
    expect(await (await client.appManagement())?.getDeviceId()).toBe('CAM-0001')
    const subscription = await client.subscribeAppStates()
    camera.installApp({ appId: APP })
    expect((await subscription.pull({ waitMs: 1000 })).map(({ appId }) => appId)).toEqual([APP])
  },
)

test('waits for a slow camera', async () => {
  const camera = await startCamera({ faults: { slowMs: 300 } })
  expect(await (await connectApps(camera)).getDeviceId()).toBe('CAM-0001')
})

test('gives up a camera that is slower than the time it has', async () => {
  const camera = await startCamera({ faults: { slowMs: 5_000 } })
  const error = await failureOf(connect(camera, { timeoutMs: 150 }).getServices())
  expect(error).toMatchObject({ code: 'timeout', retryable: true })
})

test('stops waiting when the caller does', async () => {
  const camera = await startCamera({ faults: { slowMs: 5_000 } })
  const cancel = new AbortController()
  const call = failureOf(connect(camera).getServices({ signal: cancel.signal }))
  cancel.abort()
  expect((await call).code).toBe('cancelled')
  expect((await failureOf(connect(camera).getServices({ signal: AbortSignal.timeout(50) }))).code).toBe('timeout')
})

test('asks a second time when the connection breaks before a read is answered', async () => {
  const camera = await startCamera()
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  camera.setFault('dropRequest', 1)
  expect(await apps.getDeviceId()).toBe('CAM-0001')
})

test('never orders a second time when the connection breaks', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: APP, state: 'Inactive' })
  const apps = await connectApps(camera)
  await apps.getDeviceId()
  camera.setFault('dropReply', ['Activate'])
  camera.clearRequests()
  expect(await failureOf(apps.activate(APP))).toMatchObject({ code: 'unreachable', retryable: true })
  expect(camera.requests.filter(({ operation }) => operation === 'Activate')).toHaveLength(1)
  expect((await apps.getAppsInfo(APP))[0]?.state).toBe('Active')
})

test('says that a camera which is switched off cannot be reached', async () => {
  const camera = await startCamera()
  const client = connect(camera)
  await camera.close()
  expect(await failureOf(client.getServices())).toMatchObject({ code: 'unreachable', retryable: true })
})

test('recognizes a web page where an answer should be', async () => {
  const camera = await startCamera({ faults: { htmlReply: true } })
  const error = await failureOf(connect(camera).getSystemDateAndTime())
  expect(error.code).toBe('bad-reply')
  expect(error.message).toContain('web page')
})

test.each([{ malformedXml: true }, { hugeReplyBytes: 3 * 1024 * 1024 }] as const)(
  'refuses an unusable answer: %o',
  async (faults) => {
    const camera = await startCamera({ faults })
    expect((await failureOf(connect(camera).getServices())).code).toBe('bad-reply')
  },
)

test.each(['required', 'refused'] as const)('finds out whether the action parameter is %s', async (actionParameter) => {
  const camera = await startCamera({ faults: { actionParameter } })
  const apps = await connectApps(camera)
  camera.installApp({ appId: APP, state: 'Inactive' })
  await apps.activate(APP)
  expect((await apps.getAppsInfo(APP))[0]?.state).toBe('Active')
  expect(camera.refusedLogins).toBe(0)
})

test.each(
  (['digest', 'wsse'] as const).flatMap((auth) =>
    ([200, 400, 500] as const).map((faultStatus) => ({ auth, faultStatus })),
  ),
)('reads faults that come with status $faultStatus ($auth)', async ({ auth, faultStatus }) => {
  const camera = await startCamera({ auth, faults: { faultStatus } })
  const apps = await connectApps(camera)
  expect(await apps.getAppsInfo('not.there')).toEqual([])
  const error = await failureOf(apps.activate('not.there'))
  expect(error.fault).toMatchObject({ code: 'Sender', subcodes: ['InvalidArgVal', 'UnknownId'] })
  expect(error.httpStatus).toBe(faultStatus)
  expect(camera.refusedLogins).toBe(0)
})

test('falls back to GetCapabilities, which cannot name app management', async () => {
  const camera = await startCamera({ faults: { noGetServices: true } })
  const client = connect(camera)
  expect((await client.getServices()).map(({ namespace }) => namespace)).toContain(
    'http://www.onvif.org/ver10/device/wsdl',
  )
  expect(await client.appManagement()).toBeNull()
})

test('passes on the words of a camera that fails', async () => {
  const camera = await startCamera({
    faults: { failOperation: { operations: ['Uninstall'], reason: 'Flash is worn out.' } },
  })
  camera.installApp({ appId: APP })
  const error = await failureOf((await connectApps(camera)).uninstall(APP))
  expect(error.code).toBe('rejected')
  expect(error.message).toContain('Flash is worn out.')
})

test('remembers the services and asks again when told to', async () => {
  const camera = await startCamera()
  const client = connect(camera)
  await client.getServices()
  await client.getServices()
  expect(camera.requests.filter(({ operation }) => operation === 'GetServices')).toHaveLength(1)
  await client.getServices({ isRefresh: true })
  expect(camera.requests.filter(({ operation }) => operation === 'GetServices')).toHaveLength(2)
})

test('reads what the camera says of itself', async () => {
  const camera = await startCamera({ macAddress: '02:00:00:AA:BB:CC', serialNumber: 'S-1', model: 'Tube <1> & "2"' })
  const client = connect(camera)
  expect(await client.getDeviceInformation()).toMatchObject({ model: 'Tube <1> & "2"', serialNumber: 'S-1' })
  expect((await client.getNetworkInterfaces())[0]?.macAddress).toBe('02:00:00:AA:BB:CC')
  expect((await client.getScopes()).map(({ item }) => item)).toEqual([...camera.scopes])
  expect(await client.getEndpointReference()).toContain(camera.endpointId.replace('urn:uuid:', ''))
})

test('sets the clock', async () => {
  const camera = await startCamera({ clockOffsetMs: 90 * 24 * 3_600_000 })
  const client = connect(camera)
  await client.setSystemDateAndTime(new Date())
  expect((await client.getSystemDateAndTime()).offsetMs).toBeCloseTo(0, -4)
})

test('keeps one request in flight', async () => {
  const camera = await startCamera({ faults: { slowMs: 50 } })
  const client = connect(camera)
  await client.getServices()
  camera.clearRequests()
  const calls = [client.getSystemDateAndTime(), client.getSystemDateAndTime(), client.getSystemDateAndTime()]
  await calls[0]
  // A request that is open has no status yet.
  expect(camera.requests.filter(({ status }) => status === null).length).toBeLessThanOrEqual(1)
  await Promise.all(calls)
  expect(camera.requests).toHaveLength(3)
})
