import { expect, test } from 'vitest'
import { connect, connectApps, failureOf, startCamera, until } from './camera-fixture.ts'

const APP = 'com.example.counter'

test('tells what is there when it begins and every change after that', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: APP, state: 'Inactive' })
  const client = connect(camera)
  const apps = await client.appManagement()
  const seen: string[] = []
  const cancel = new AbortController()
  const listening = (async () => {
    for await (const { appId, state, operation } of client.appStateEvents({ signal: cancel.signal, pauseMs: 10 })) {
      seen.push(`${operation} ${appId} ${state}`)
      if (operation === 'Initialized') await apps?.activate(APP)
      if (state === 'Active') await apps?.uninstall(APP)
      if (state === 'Removed') cancel.abort()
    }
  })()
  await listening
  expect(seen[0]).toBe(`Initialized ${APP} Inactive`)
  expect(seen).toContain(`Changed ${APP} Active`)
  expect(seen.at(-1)).toContain(`${APP} Removed`)
  await until(() => camera.requests.some(({ operation }) => operation === 'Unsubscribe'), 'it has unsubscribed')
})

test('says when a camera has no events', async () => {
  const camera = await startCamera({ faults: { noEvents: true } })
  expect((await failureOf(connect(camera).subscribeAppStates())).code).toBe('events-unsupported')
})

test('gives no changes when none come', async () => {
  const camera = await startCamera({ faults: { silentEvents: true } })
  const subscription = await connect(camera).subscribeAppStates()
  camera.installApp({ appId: APP })
  expect(await subscription.pull({ waitMs: 1000 })).toEqual([])
})

test('fails to pull from a subscription that a reboot has ended, and still closes it', async () => {
  const camera = await startCamera()
  const subscription = await connect(camera).subscribeAppStates()
  await camera.reboot()
  expect((await failureOf(subscription.pull({ waitMs: 1000 }))).code).toBe('rejected')
  await subscription.close()
})

test('lets other calls through between pulls', async () => {
  const camera = await startCamera()
  const client = connect(camera)
  const apps = await connectApps(camera)
  const cancel = new AbortController()
  const listening = (async () => {
    for await (const _ of client.appStateEvents({ signal: cancel.signal, pauseMs: 10 }));
  })()
  for (let call = 0; call < 3; call++) await apps.getDeviceId()
  cancel.abort()
  await listening
})

test('renews its subscription at the camera', async () => {
  const camera = await startCamera()
  const subscription = await connect(camera).subscribeAppStates({ lifetimeMs: 100 })
  const renewal = () => camera.requests.find(({ operation }) => operation === 'Renew')
  await until(async () => {
    camera.installApp({ appId: `${APP}${camera.requests.length}` })
    await subscription.pull({ waitMs: 1000 })
    return renewal() !== undefined
  }, 'it is renewed')
  expect(renewal()?.status).toBe(200)
})
