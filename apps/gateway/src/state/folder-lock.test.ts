import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSystemClock } from './clock.ts'
import { lockFolder } from './folder-lock.ts'

const clock = createSystemClock()
const never = new AbortController().signal
let home: string
let child: ChildProcess | null = null

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-lock-'))
})
afterEach(async () => {
  child?.kill('SIGKILL')
  child = null
  await rm(home, { recursive: true, force: true })
})

const lock = (waitMs: number) => lockFolder(home, { clock, waitMs, signal: never })

test('a second run on a folder is refused until the first lets go', async () => {
  const first = await lock(0)
  await expect(lock(0)).rejects.toMatchObject({ code: 'already-running' })
  first.release()
  first.release()
  const second = await lock(0)
  second.release()
})

test('waits for a run that is about to stop', async () => {
  const first = await lock(0)
  let waits = 0
  const sleep: typeof clock.sleep = async (ms, signal) => {
    if (++waits === 2) first.release()
    await clock.sleep(ms, signal)
  }
  const second = await lockFolder(home, { clock: { ...clock, sleep }, waitMs: 600_000, signal: never })
  second.release()
  expect(waits).toBe(2)
})

test('a wait for the lock ends with its signal', async () => {
  const first = await lock(0)
  const stop = new AbortController()
  const waiting = lockFolder(home, { clock, waitMs: 60_000, signal: stop.signal })
  stop.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  first.release()
})

test('another process holds the lock while it lives, and no longer when it was killed', async () => {
  const program = `
    import { lockFolder } from ${JSON.stringify(new URL('./folder-lock.ts', import.meta.url).href)}
    import { createSystemClock } from ${JSON.stringify(new URL('./clock.ts', import.meta.url).href)}
    await lockFolder(process.argv[1], { clock: createSystemClock(), waitMs: 0, signal: new AbortController().signal })
    console.log('locked')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program, home], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = holder
  await once(holder.stdout, 'data')
  await expect(lock(0)).rejects.toMatchObject({ code: 'already-running' })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const mine = await lock(0)
  mine.release()
})
