import { expect, onTestFinished, test, vi } from 'vitest'
import type { BatchAction, BatchProgress, BatchReport } from '../src/index.ts'
import { type Course, fakePlatform } from './fake-platform.ts'
import { failure, play } from './play.ts'
import { problem, reset } from './scripted-server.ts'
import { createTestClock } from './test-clock.ts'

const install: BatchAction = { kind: 'install', appId: 'app', licenseType: 'FULL' }
const ids = (count: number) => Array.from({ length: count }, (_, index) => `CAM-${index + 1}`)
const settles: Course = { kind: 'settles' }

async function prepare(courseOf: (deviceId: string, attempt: number) => Course, options = {}) {
  const platform = fakePlatform(courseOf, options)
  return { platform, ...(await play([platform.scene])) }
}
const kinds = ({ results }: BatchReport) => Object.fromEntries(results.map(({ deviceId, kind }) => [deviceId, kind]))

test('every device is changed once, at most so many at a time, and waited for until it has settled', async () => {
  const { client, platform } = await prepare(() => ({ kind: 'settles', afterLooks: 3 }))
  const report = await client.batch(ids(12), install, { concurrency: 3 })
  expect(report).toMatchObject({ counts: { succeeded: 12, failed: 0, unsettled: 0, notSent: 0 }, stoppedBy: null })
  expect(report.results.map(({ deviceId }) => deviceId)).toEqual(ids(12))
  expect(report.results[0]).toMatchObject({
    attempts: 1,
    changed: true,
    installation: { installationState: 'INSTALLED' },
  })
  expect([...platform.carriedOut].sort()).toEqual(ids(12).sort())
  expect(platform.mostInFlight()).toBe(3)
})

test('what is so already counts as a success that changed nothing, and a device named twice is one device', async () => {
  const { client, platform, server } = await prepare(() => settles)
  await client.batch(['CAM-1'], install)
  const report = await client.batch(['CAM-1', { deviceId: 'CAM-1' }], install)
  expect(report.results).toMatchObject([{ kind: 'succeeded', changed: false }])
  expect(platform.carriedOut).toEqual(['CAM-1'])
  expect(server.received.filter(({ method }) => method === 'PUT')).toHaveLength(2)
})

test('no devices give an empty report; devices may come one by one', async () => {
  const { client } = await prepare(() => settles)
  expect((await client.batch([], install)).results).toEqual([])
  async function* listed() {
    yield* ids(3)
  }
  expect((await client.batch(listed(), install)).counts.succeeded).toBe(3)
})

test('failures stay with their device: those that may pass are tried again, the others are not', async () => {
  const { client, platform, clock } = await prepare((deviceId, attempt) => {
    if (deviceId === 'CAM-1') return attempt < 3 ? { kind: 'fails', category: 'network' } : settles
    if (deviceId === 'CAM-2') return { kind: 'fails', category: 'refused-by-device' }
    if (deviceId === 'CAM-3') return { kind: 'refuses', status: 409, code: 'no-free-license' }
    if (deviceId === 'CAM-4') return { kind: 'refuses', status: 409, code: 'device-offline' }
    return settles
  })
  const report = await client.batch(ids(5), install, { retryPause: { baseMs: 7000, capMs: 100_000 } })
  expect(report.results).toMatchObject([
    { kind: 'succeeded', attempts: 3 },
    { kind: 'failed', attempts: 1, error: { code: 'refused-by-device-code', category: 'refused-by-device' } },
    { kind: 'failed', attempts: 1, error: { code: 'no-free-license', retryable: false } },
    { kind: 'failed', attempts: 3, error: { code: 'device-offline', retryable: true } },
    { kind: 'succeeded', attempts: 1 },
  ])
  expect(platform.carriedOut.filter((id) => id === 'CAM-1')).toHaveLength(3)
  expect(clock.pausesMs.filter((ms) => ms === 3500 || ms === 7000).length).toBeGreaterThanOrEqual(4)
})

test('a lost answer does not change a device twice', async () => {
  const { client, platform, server } = await prepare((_, attempt) =>
    attempt === 1 ? { kind: 'other', scene: reset } : settles,
  )
  const report = await client.batch(['CAM-1'], install)
  expect(report.results).toMatchObject([{ kind: 'succeeded', attempts: 1 }])
  expect(platform.carriedOut).toEqual(['CAM-1'])
  const keys = server.received.filter(({ method }) => method === 'PUT').map(({ headers }) => headers['idempotency-key'])
  expect(new Set(keys).size).toBe(1)
})

test('credentials that are refused end the batch: the other devices are not sent', async () => {
  const { client, server } = await prepare(() => ({ kind: 'refuses', status: 403, code: 'permission-missing' }))
  const report = await client.batch(ids(50), install, { concurrency: 2 })
  expect(report.stoppedBy).toMatchObject({ kind: 'forbidden', code: 'permission-missing' })
  expect(report.results).toHaveLength(50)
  expect(report.counts.notSent).toBeGreaterThanOrEqual(48)
  expect(server.received.filter(({ method }) => method === 'PUT').length).toBeLessThanOrEqual(2)
})

test('the signal ends it: accepted ones are unsettled, the others not sent, and nothing is thrown', async () => {
  const stop = new AbortController()
  const { client, platform } = await prepare((deviceId) => (deviceId === 'CAM-1' ? settles : { kind: 'hangs' }))
  const report = await client.batch(ids(6), install, {
    ...{ concurrency: 2, signal: stop.signal },
    onProgress: ({ kind, deviceId }) => kind === 'waiting' && deviceId === 'CAM-3' && stop.abort(),
  })
  expect(kinds(report)).toMatchObject({
    'CAM-1': 'succeeded',
    'CAM-2': 'unsettled',
    'CAM-3': 'unsettled',
    'CAM-6': 'not-sent',
  })
  expect(report.stoppedBy).toMatchObject({ kind: 'cancelled' })
  expect(platform.carriedOut).toEqual(['CAM-1', 'CAM-2', 'CAM-3'])
  const before = await client.batch(['CAM-9'], install, { signal: AbortSignal.abort() })
  expect(kinds(before)).toEqual({ 'CAM-9': 'not-sent' })
})

test('a change that never settles is given up after its time, and does not hold up the others for ever', async () => {
  const { client } = await prepare((deviceId) => (deviceId === 'CAM-1' ? { kind: 'hangs' } : settles))
  const report = await client.batch(ids(3), install, { concurrency: 1, settleTimeoutMs: 600_000 })
  expect(report.results).toMatchObject([
    { kind: 'unsettled', error: { code: 'not-settled' } },
    { kind: 'succeeded' },
    { kind: 'succeeded' },
  ])
})

test('a device whose change is queued until it returns holds no slot', async () => {
  const { client, platform } = await prepare((deviceId) =>
    deviceId === 'CAM-1' ? { kind: 'hangs', queued: true } : settles,
  )
  const report = await client.batch(ids(4), install, {
    ...{ concurrency: 1, whenOffline: 'queue' },
    onProgress: ({ kind, deviceId }) => kind === 'done' && deviceId === 'CAM-4' && platform.settle('CAM-1'),
  })
  expect(report.counts.succeeded).toBe(4)
})

test('events tell at once what has settled; polling need not come to it', async () => {
  const platform = fakePlatform(() => ({ kind: 'hangs' }), { hasEvents: true })
  const clock = createTestClock({ isManual: true })
  const { client } = await play([platform.scene], { clock })
  const done = client.batch(['CAM-1'], install, {
    onProgress: async ({ kind }) => {
      if (kind !== 'waiting') return
      await platform.streamOpen
      platform.settle('CAM-1')
      platform.tell('CAM-1')
    },
  })
  expect((await done).counts.succeeded).toBe(1)
  expect(platform.looks).toEqual(['CAM-1'])
  expect(clock.monotonicMs()).toBe(1000)
})

test('a platform that is away while a change runs is asked again later', async () => {
  let failuresLeft = 3
  const platform = fakePlatform(() => ({ kind: 'settles', afterLooks: 1 }))
  const { client } = await play(
    [
      (response, received) =>
        received.method === 'GET' && received.url.startsWith('/software') && failuresLeft-- > 0
          ? problem(503, 'unavailable')(response, received)
          : platform.scene(response, received),
    ],
    { retry: { maxAttempts: 1 } },
  )
  expect((await client.batch(['CAM-1'], install)).counts.succeeded).toBe(1)
})

test('progress is told in order, with counts that add up', async () => {
  const { client } = await prepare((deviceId) =>
    deviceId === 'CAM-2' ? { kind: 'fails', category: 'license' } : settles,
  )
  const told: BatchProgress[] = []
  await client.batch(ids(2), install, { concurrency: 1, onProgress: (progress) => told.push(progress) })
  expect(told.map(({ kind, deviceId }) => `${kind} ${deviceId}`)).toEqual([
    ...['sending CAM-1', 'waiting CAM-1', 'done CAM-1', 'sending CAM-2', 'waiting CAM-2', 'done CAM-2'],
  ])
  expect(told.at(-1)).toMatchObject({ counts: { succeeded: 1, failed: 1, unsettled: 0, notSent: 0 }, known: 2 })
})

test('a hook that throws and a list that breaks end the batch, not the program', async () => {
  const { client } = await prepare(() => settles)
  const hook = await client.batch(ids(9), install, {
    concurrency: 1,
    onProgress: () => {
      throw new Error('broken hook')
    },
  })
  expect(hook.stoppedBy).toMatchObject({ code: 'progress-failed', cause: new Error('broken hook') })
  expect(hook.counts.notSent).toBeGreaterThan(5)
  async function* broken() {
    yield 'CAM-1'
    throw new Error('broken list')
  }
  const list = await client.batch(broken(), install)
  expect(list.stoppedBy).toMatchObject({ code: 'devices-unreadable' })
  expect(list.results).toHaveLength(1)
})

test('wrong options are refused before anything is sent', async () => {
  const { client, server } = await prepare(() => settles)
  for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { retries: -1 }, { settleTimeoutMs: 0 }]) {
    expect(await failure(client.batch(ids(1), install, options))).toMatchObject({ kind: 'invalid-options' })
  }
  expect(await failure(client.batch('CAM-1', install))).toMatchObject({ kind: 'invalid-options' })
  expect(server.received).toHaveLength(0)
})

test('hundreds of devices that wait on one signal set off no warning of a leak', async () => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error) => warnings.push(name)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const { signal } = new AbortController()
  const added = vi.spyOn(signal, 'addEventListener')
  // pauses of fifty devices add up in test time, so no limit of time may count here
  const timeless = { attemptTimeoutMs: 1e12, deadlineMs: 1e12 }
  const { client } = await play([fakePlatform(() => settles).scene], { retry: timeless })
  const report = await client.batch(ids(100), install, { concurrency: 50, settleTimeoutMs: 1e12, signal })
  expect(report.counts.succeeded).toBe(100)
  expect(warnings).toEqual([])
  expect(added).toHaveBeenCalledTimes(1)
})
