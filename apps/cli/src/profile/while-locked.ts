import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CliError } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { codeOf, fileFailed } from './private-file.ts'

type Waiting = Pick<Io, 'clock' | 'signal'>

/** A lock is held for one reading and writing, which takes milliseconds. */
const leftBehindAfterMs = 10_000
const patienceMs = 30_000
const pauseMs = 20
/** Windows refuses what it calls so while a file is about to be deleted; elsewhere it means that the folder is closed. */
const refusals = ['EPERM', 'EACCES', 'EBUSY']
const refusedForMs = 1_000

/**
 * Runs `work` while no other process does so for this file. Throws `file-failed`, and the signal's reason.
 *
 * | the lock, `FILE.lock` | who wants it |
 * | --- | --- |
 * | is not there | makes it, with a token of its own; only one can |
 * | has another's token | waits |
 * | has had the same token for 10 s: a process died with it | removes it, and wants it anew |
 *
 * Whoever removes a dead process's lock holds a second one meanwhile, named by that token, and looks again under it: else two
 * could find the same lock dead, and the slower one would remove the lock of a third.
 */
export async function whileLocked<Result>(
  file: string,
  waiting: Waiting,
  work: () => Promise<Result>,
): Promise<Result> {
  const lock = `${file}.lock`
  const token = randomUUID()
  try {
    await mkdir(dirname(lock), { recursive: true, mode: 0o700 })
    await take(lock, token, waiting)
  } catch (error) {
    if (error instanceof CliError || waiting.signal.aborted) throw error
    throw fileFailed(`${lock} cannot be written`, error)
  }
  try {
    return await work()
  } finally {
    // not, where this process slept so long that another one took its lock for dead
    if ((await tokenOf(lock)) === token) await remove(lock)
  }
}

async function take(lock: string, token: string, { clock, signal }: Waiting): Promise<void> {
  const beganMs = clock.monotonicMs()
  let seen = { token: '', sinceMs: beganMs }
  for (;;) {
    const nowMs = clock.monotonicMs()
    if (await make(lock, { token, mayBeRefused: nowMs - beganMs < refusedForMs })) return
    if (nowMs - beganMs > patienceMs) {
      throw new CliError('file-failed', `Another ocelli holds ${lock}. If none is running, remove that file.`)
    }
    const there = (await tokenOf(lock)) ?? ''
    if (there !== seen.token) seen = { token: there, sinceMs: nowMs }
    else if (nowMs - seen.sinceMs >= leftBehindAfterMs) await removeDead(lock, there)
    await clock.wait(pauseMs, signal)
    signal.throwIfAborted()
  }
}

/** False: it is there already. */
async function make(file: string, { token, mayBeRefused }: { token: string; mayBeRefused: boolean }): Promise<boolean> {
  try {
    const made = await open(file, 'wx', 0o600)
    try {
      await made.writeFile(token)
    } catch (error) {
      await remove(file)
      throw error
    } finally {
      await made.close()
    }
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST' || (mayBeRefused && refusals.includes(codeOf(error)))) return false
    throw error
  }
}

async function removeDead(lock: string, token: string): Promise<void> {
  const second = `${lock}.${/^[0-9a-f-]{36}$/.test(token) ? token : 'unnamed'}`
  if (!(await make(second, { token, mayBeRefused: true }))) return
  if ((await tokenOf(lock)) === token) await remove(lock)
  await remove(second)
}

/** Null: there is none. Empty where a process died with it as soon as it was made. */
async function tokenOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (['ENOENT', ...refusals].includes(codeOf(error))) return null
    throw error
  }
}

const remove = (file: string) => rm(file, { force: true, maxRetries: 10, retryDelay: 25 })
