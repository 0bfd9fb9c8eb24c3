import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '@ocelli/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { whileLocked } from './while-locked.ts'

const token = '0b5e3c9e-5b7b-4a4e-8f0b-1a2b3c4d5e6f'

async function openFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-lock-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'file')
}

/** Time passes only for those who wait. */
function virtualClock(onWait: (nowMs: number) => Promise<void> = async () => {}): Clock & { elapsedMs: () => number } {
  let now = 0
  return {
    elapsedMs: () => now,
    nowMs: () => now,
    monotonicMs: () => now,
    async wait(ms) {
      now += ms
      await onWait(now)
    },
    after: () => () => {},
  }
}

const lockedWith = (file: string, clock: Clock, work: () => Promise<unknown> = async () => 'done') =>
  whileLocked(file, { clock, signal: new AbortController().signal }, work)

test('one at a time, and the lock is gone afterwards, however the work ended', async () => {
  const file = await openFile()
  const clock = () => virtualClock(() => new Promise((resolve) => setImmediate(resolve)))
  let [inside, most] = [0, 0]
  const work = async () => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside -= 1
  }
  await Promise.all(Array.from({ length: 20 }, () => lockedWith(file, clock(), work)))
  expect(most).toBe(1)
  const failing = lockedWith(file, clock(), () => Promise.reject(new Error('failed')))
  await expect(failing).rejects.toThrow('failed')
  expect(await readdir(join(file, '..'))).toEqual([])
})

test.each([
  ['a token', token],
  ['nothing yet', ''],
])('a lock that a process died with when it held %s is taken away after 10 s', async (_, left) => {
  const file = await openFile()
  await writeFile(`${file}.lock`, left)
  const clock = virtualClock()
  expect(await lockedWith(file, clock)).toBe('done')
  expect(clock.elapsedMs()).toBeGreaterThanOrEqual(10_000)
  expect(clock.elapsedMs()).toBeLessThan(10_200)
  expect(await readdir(join(file, '..'))).toEqual([])
})

test('of many who find a dead process’s lock each comes in, one at a time', async () => {
  const file = await openFile()
  await writeFile(`${file}.lock`, token)
  let [inside, most, done] = [0, 0, 0]
  await Promise.all(
    Array.from({ length: 20 }, () =>
      lockedWith(
        file,
        virtualClock(() => new Promise((resolve) => setImmediate(resolve))),
        async () => {
          inside += 1
          most = Math.max(most, inside)
          await new Promise((resolve) => setImmediate(resolve))
          inside -= 1
          done += 1
        },
      ),
    ),
  )
  expect({ most, done }).toEqual({ most: 1, done: 20 })
  expect(await readdir(join(file, '..'))).toEqual([])
})

test('a dead process’s lock is left alone while another one is taking it away', async () => {
  const file = await openFile()
  const second = `${file}.lock.${token}`
  await writeFile(`${file}.lock`, token)
  await writeFile(second, token)
  const clock = virtualClock(async (nowMs) => {
    if (nowMs !== 15_000) return
    expect(await readFile(`${file}.lock`, 'utf8')).toBe(token)
    await rm(second)
  })
  await lockedWith(file, clock)
  expect(clock.elapsedMs()).toBeGreaterThanOrEqual(15_000)
  expect(await readdir(join(file, '..'))).toEqual([])
})

test('who works again and again is no dead process', async () => {
  const file = await openFile()
  let turns = 0
  const clock = virtualClock(async (nowMs) => {
    if (nowMs < 20_000) await writeFile(`${file}.lock`, `turn ${turns++}`)
    else await rm(`${file}.lock`, { force: true })
  })
  await writeFile(`${file}.lock`, 'first')
  await lockedWith(file, clock)
  expect(clock.elapsedMs()).toBe(20_000)
})

test('a lock that cannot be had is told after 30 s, and one that cannot be made at all within moments', async () => {
  const file = await openFile()
  let turns = 0
  const clock = virtualClock(() => writeFile(`${file}.lock`, `turn ${turns++}`))
  await writeFile(`${file}.lock`, 'first')
  await expect(lockedWith(file, clock)).rejects.toMatchObject({
    code: 'file-failed',
    message: expect.stringContaining('remove that file'),
  })

  await writeFile(join(file, '..', 'no-folder'), '')
  const failed = lockedWith(join(file, '..', 'no-folder', 'file'), virtualClock())
  await expect(failed).rejects.toMatchObject({ code: 'file-failed' })
})

test('who is told to stop waits no more', async () => {
  const file = await openFile()
  await writeFile(`${file}.lock`, token)
  const stop = new AbortController()
  const clock = virtualClock(async () => stop.abort(new Error('stopped')))
  const waiting = whileLocked(file, { clock, signal: stop.signal }, async () => 'done')
  await expect(waiting).rejects.toThrow('stopped')
})
