import { appendFile, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { BatchAction, BatchJournal, JournalEntry } from '../src/index.ts'
import { openFileJournal } from '../src/node/index.ts'
import { type Course, fakePlatform } from './fake-platform.ts'
import { failure, play } from './play.ts'

const install: BatchAction = { kind: 'install', appId: 'app', licenseType: 'FULL' }
const settles: Course = { kind: 'settles' }
let path = ''

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-journal-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  path = join(folder, 'batch.jsonl')
})

async function open() {
  const journal = await openFileJournal(path)
  onTestFinished(() => journal.close())
  return journal
}

async function entriesOf(journal: BatchJournal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  for await (const entry of journal.read()) entries.push(entry)
  return entries
}

/** Ends the process, as far as a journal can tell: the entry that matches is written and nothing after it. */
function dyingAfter(journal: BatchJournal, isLast: (entry: JournalEntry) => boolean): BatchJournal {
  let isDead = false
  return {
    read: () => journal.read(),
    async append(entry) {
      if (isDead) throw new Error('dead')
      isDead = isLast(entry)
      await journal.append(entry)
    },
  }
}

test('a batch that was broken off at any entry goes on without changing a device twice', async () => {
  const devices = ['CAM-1', 'CAM-2', 'CAM-3']
  for (let breaksAt = 1; breaksAt <= 10; breaksAt++) {
    await rm(path, { force: true })
    const platform = fakePlatform(() => ({ kind: 'settles', afterLooks: 2 }))
    const { client } = await play([platform.scene])
    const first = await openFileJournal(path)
    let written = 0
    await client.batch(devices, install, { concurrency: 2, journal: dyingAfter(first, () => ++written === breaksAt) })
    await first.close()

    const second = await openFileJournal(path)
    const report = await client.batch(devices, install, { concurrency: 2, journal: second })
    await second.close()
    expect(report.counts, `broken off at entry ${breaksAt}`).toMatchObject({ succeeded: 3 })
    expect([...platform.carriedOut].sort(), `broken off at entry ${breaksAt}`).toEqual(devices)
  }
})

test('what is done is not even asked for again; what failed is tried again with a new key', async () => {
  const platform = fakePlatform((deviceId, attempt) =>
    deviceId === 'CAM-2' && attempt === 1 ? { kind: 'refuses', status: 409, code: 'no-free-license' } : settles,
  )
  const { client, server } = await play([platform.scene])
  const journal = await open()
  const first = await client.batch(['CAM-1', 'CAM-2'], install, { journal })
  expect(first.counts).toMatchObject({ succeeded: 1, failed: 1 })
  const sentBefore = server.received.length
  const again = await client.batch(['CAM-1', 'CAM-2'], install, { journal })
  expect(again.batchId).toBe(first.batchId)
  expect(again.results).toMatchObject([
    { kind: 'succeeded', fromJournal: true, attempts: 1 },
    { kind: 'succeeded', fromJournal: false, attempts: 2 },
  ])
  expect(server.received.slice(sentBefore).every(({ url }) => !url.includes('CAM-1'))).toBe(true)
})

test('what was accepted is only waited for', async () => {
  const platform = fakePlatform(() => ({ kind: 'hangs' }))
  const { client, server } = await play([platform.scene])
  const stop = new AbortController()
  const first = await openFileJournal(path)
  const report = await client.batch(['CAM-1'], install, {
    ...{ journal: first, signal: stop.signal },
    onProgress: ({ kind }) => kind === 'waiting' && stop.abort(),
  })
  expect(report.counts.unsettled).toBe(1)
  await first.close()
  platform.settle('CAM-1')
  const again = await client.batch(['CAM-1'], install, { journal: await open() })
  expect(again.results).toMatchObject([{ kind: 'succeeded', attempts: 1 }])
  expect(server.received.filter(({ method }) => method === 'PUT')).toHaveLength(1)
})

test('a journal that cannot be written ends the batch before anything more is sent', async () => {
  const platform = fakePlatform(() => settles)
  const { client } = await play([platform.scene])
  const journal = dyingAfter(await open(), ({ kind }) => kind === 'succeeded')
  const report = await client.batch(['CAM-1', 'CAM-2', 'CAM-3'], install, { concurrency: 1, journal })
  expect(report.stoppedBy).toMatchObject({ code: 'journal-failed' })
  expect(report.counts).toMatchObject({ succeeded: 1, notSent: 1 })
  expect(platform.carriedOut).toEqual(['CAM-1'])
})

test('a journal of another batch is refused', async () => {
  const { client } = await play([fakePlatform(() => settles).scene])
  const journal = await open()
  await client.batch(['CAM-1'], install, { journal })
  const other = { ...install, version: '2.0' } as const
  expect(await failure(client.batch(['CAM-1'], other, { journal }))).toMatchObject({ kind: 'invalid-options' })
  // the order of its fields is no difference
  const same = { licenseType: 'FULL', version: undefined, appId: 'app', kind: 'install' } as const
  expect((await client.batch(['CAM-1'], same, { journal })).results).toMatchObject([{ fromJournal: true }])
})

test('a torn last line is taken off, wherever it was torn', async () => {
  const whole = JSON.stringify({ kind: 'sending', deviceId: 'Tür 1', attempt: 1 } satisfies JournalEntry)
  const torn = Buffer.from(JSON.stringify({ kind: 'accepted', deviceId: 'Tür 2', attempt: 1, targetVersion: null }))
  for (let length = 0; length <= torn.length; length += 5) {
    await writeFile(path, `${whole}\n`)
    await appendFile(path, torn.subarray(0, length))
    const journal = await openFileJournal(path)
    await journal.append({ kind: 'succeeded', deviceId: 'x', attempt: 1, changed: true })
    expect((await entriesOf(journal)).map(({ kind }) => kind)).toEqual(['sending', 'succeeded'])
    await journal.close()
  }
  expect((await readFile(path, 'utf8')).endsWith('\n')).toBe(true)
})

test('a line in the middle that is not ours is an error that names it', async () => {
  await writeFile(path, `{"kind":"begun"}\nnonsense\n{"kind":"other"}\n`)
  const journal = await open()
  expect(await failure(entriesOf(journal))).toMatchObject({ message: expect.stringContaining('line 2') })
})

test('entries that are written at the same time stand one behind the other', async () => {
  const journal = await open()
  const deviceIds = Array.from({ length: 50 }, (_, index) => `CAM-${index}`)
  await Promise.all(deviceIds.map((deviceId) => journal.append({ kind: 'sending', deviceId, attempt: 1 })))
  expect((await entriesOf(journal)).map((entry) => entry.kind === 'sending' && entry.deviceId)).toEqual(deviceIds)
})

test('a journal is open once only; the lock of a process that is no more is taken over', async () => {
  const journal = await openFileJournal(path)
  expect(await failure(openFileJournal(path))).toMatchObject({ kind: 'invalid-options' })
  await journal.close()
  // larger than any process id
  await writeFile(`${path}.lock`, '4194305')
  await (await openFileJournal(path)).close()
})

test('of many that find the lock of a process that is no more, one takes it over', async () => {
  for (let round = 0; round < 20; round++) {
    await writeFile(`${path}.lock`, '4194305')
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => openFileJournal(path)))
    const held = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    await Promise.all(held.map((journal) => journal.close()))
    expect(held).toHaveLength(1)
  }
})

test('a lock without a name is of a process that is starting, until it has stayed so', async () => {
  await writeFile(`${path}.lock`, '')
  expect((await failure(openFileJournal(path))).message).toMatch(/in use by a process that is starting/)
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(`${path}.lock`, longAgo, longAgo)
  await (await openFileJournal(path)).close()
})

test('the lock of a process that had the same id before this one is taken over, as in a container', async () => {
  for (const before of [`${process.pid}`, `${process.pid} ${Math.round(performance.timeOrigin) - 60_000}`]) {
    await writeFile(`${path}.lock`, before)
    await (await openFileJournal(path)).close()
  }
})

test.each([
  ['far too long', 'x'.repeat(2 * 1024 * 1024)],
  ['no journal', 'milk\nbread'],
])('what is no journal is %s, is left as it was, and can be tried again', async (reason, text) => {
  await writeFile(path, text)
  for (let attempt = 1; attempt <= 2; attempt++) {
    expect(await failure(openFileJournal(path))).toMatchObject({ message: expect.stringContaining(reason) })
  }
  expect(await readFile(path, 'utf8')).toBe(text)
})
