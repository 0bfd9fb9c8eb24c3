import type { Report } from '@ocelli/contract'
import { expect, test } from 'vitest'
import { createMemoryFolder } from '../../test/work/memory-edge.ts'
import { createVirtualClock } from '../../test/work/virtual-clock.ts'
import { createReporter, type ReportBody } from './reporter.ts'

function body(deviceId: string, changes: Partial<ReportBody> = {}): ReportBody {
  const unknown = { detail: null, clockOffsetSeconds: null, certificateExpiresAt: null }
  const connectivity = { state: 'ONLINE' as const, reason: null, lastAnswerSecondsAgo: 0, ...unknown }
  const nothing = { address: null, facts: null, apps: null, work: [] }
  return { deviceId, assignment: 1, revision: 1, connectivity, ...nothing, ...changes }
}

function setUp(stateFolder = createMemoryFolder()) {
  const clock = createVirtualClock()
  const sent: Report[] = []
  const state = { session: 1 as number | null, isReachable: true }
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const reporter = createReporter({
    ...{ stateFolder, clock, log, session: () => state.session },
    async send(message) {
      if (state.isReachable) sent.push(structuredClone(message))
      return state.isReachable
    },
  })
  const stop = new AbortController()
  const ended = reporter.run(stop.signal)
  const end = () => {
    stop.abort()
    return ended
  }
  return { clock, sent, state, reporter, stateFolder, stop: end }
}

const seqs = (message: Report | undefined) => message?.reports.map(({ seq }) => seq)

test('what comes within 100 ms goes out in one message, the newest state of each device only', async () => {
  const { clock, sent, reporter } = setUp()
  await clock.settle()
  reporter.submit(body('a'))
  reporter.submit(body('b'))
  await clock.advance(50)
  reporter.submit(body('a', { revision: 2 }))
  await clock.advance(100)
  expect(sent).toHaveLength(1)
  expect(sent[0]?.reports.map(({ deviceId, revision, seq }) => [deviceId, revision, seq])).toEqual([
    ['a', 2, 2],
    ['b', 1, 1],
  ])
})

test('no message holds more than 200 devices or 200,000 characters', async () => {
  const { clock, sent, reporter } = setUp()
  for (let index = 0; index < 450; index++) reporter.submit(body(`camera-${index}`))
  await clock.advance(200)
  expect(sent.map(({ reports }) => reports.length)).toEqual([200, 200, 50])
  const detail = 'x'.repeat(1_000)
  const connectivity = { ...body('').connectivity, detail }
  for (let index = 0; index < 450; index++) reporter.submit(body(`camera-${index}`, { connectivity }))
  await clock.advance(200)
  for (const message of sent) expect(JSON.stringify(message).length).toBeLessThan(210_000)
  expect(new Set(sent.slice(3).flatMap(({ reports }) => reports.map(({ deviceId }) => deviceId))).size).toBe(450)
})

test('an acknowledgement of an older state does not end the newer one', async () => {
  const { clock, sent, reporter, stateFolder } = setUp()
  reporter.submit(body('a'))
  await clock.advance(200)
  reporter.submit(body('a', { revision: 2 }))
  await clock.advance(200)
  reporter.acknowledge([{ deviceId: 'a', seq: 1 }])
  await clock.advance(6_000)
  expect(seqs(sent.at(-1))).toEqual([2])
  expect(sent).toHaveLength(3)
  reporter.acknowledge([{ deviceId: 'a', seq: 2 }])
  await clock.advance(60_000)
  expect(sent).toHaveLength(3)
  expect(stateFolder.files.size).toBe(0)
})

test('a new session gets what is unacknowledged at once', async () => {
  const { clock, sent, reporter, state } = setUp()
  reporter.submit(body('a'))
  await clock.advance(200)
  state.session = null
  await clock.advance(60_000)
  expect(sent).toHaveLength(1)
  state.session = 2
  reporter.sessionBegan()
  await clock.advance(200)
  expect(sent.map(({ session }) => session)).toEqual([1, 2])
})

test('how long ago the camera answered keeps counting while the report waits', async () => {
  const { clock, sent, reporter, state } = setUp()
  state.session = null
  reporter.submit(body('a'))
  await clock.advance(600_000)
  state.session = 1
  reporter.sessionBegan()
  await clock.advance(200)
  expect(sent[0]?.reports[0]?.connectivity.lastAnswerSecondsAgo).toBe(600)
})

test('what was not acknowledged is sent by the next process, unless there is something newer', async () => {
  const first = setUp()
  first.reporter.submit(body('a', { revision: 5 }))
  first.reporter.submit(body('b', { revision: 5 }))
  await first.clock.advance(200)
  await first.stop()
  const second = setUp(first.stateFolder)
  second.reporter.submit(body('b', { revision: 6 }))
  await second.clock.advance(200)
  const revisions = second.sent[0]?.reports.map(({ deviceId, revision }) => [deviceId, revision])
  expect(Object.fromEntries(revisions ?? [])).toEqual({ a: 5, b: 6 })
})

test('a damaged report on disk is left out', async () => {
  const stateFolder = createMemoryFolder()
  await stateFolder.writeJson('reports/damaged.json', { deviceId: 'a' })
  const { clock, sent, reporter } = setUp(stateFolder)
  reporter.submit(body('b'))
  await clock.advance(200)
  expect(sent[0]?.reports.map(({ deviceId }) => deviceId)).toEqual(['b'])
})
