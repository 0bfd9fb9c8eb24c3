import { afterAll, beforeAll, expect, test } from 'vitest'
import { PackageError } from '../src/index.ts'
import { askWorker } from '../src/worker-host.ts'

const endless = new URL('./workers/endless.ts', import.meta.url)
const greedy = new URL('./workers/greedy.ts', import.meta.url)
const broken = new URL('./workers/broken.ts', import.meta.url)
const silent = new URL('./workers/silent.ts', import.meta.url)
const unlimited = { timeoutMs: 15_000, signal: null }

let beat = 0
let timer: NodeJS.Timeout
beforeAll(() => {
  timer = setInterval(() => {
    beat += 1
  }, 5)
})
afterAll(() => clearInterval(timer))

test('a reader that never ends is killed at the timeout, and does not block this thread meanwhile', async () => {
  const beatBefore = beat
  const startedAt = performance.now()
  const reading = askWorker(endless, '', { timeoutMs: 300, signal: null })
  await expect(reading).rejects.toMatchObject({ name: 'PackageError', code: 'timeout' })
  expect(performance.now() - startedAt).toBeLessThan(3000)
  expect(beat - beatBefore).toBeGreaterThan(5)
})

test('a reader that never ends is killed when aborted, with the reason of the signal', async () => {
  const controller = new AbortController()
  const reading = askWorker(endless, '', { timeoutMs: 15_000, signal: controller.signal })
  const reason = new Error('the upload was cancelled')
  controller.abort(reason)
  await expect(reading).rejects.toBe(reason)
})

test('nothing is started for a signal that is aborted already', async () => {
  const reason = new Error('too late')
  const reading = askWorker(new URL('file:///no-such-worker.ts'), '', {
    timeoutMs: 15_000,
    signal: AbortSignal.abort(reason),
  })
  await expect(reading).rejects.toBe(reason)
})

test('a reader that eats memory ends as too complex, and this process lives on', async () => {
  const error = await askWorker(greedy, '', unlimited).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(PackageError)
  expect(error).toMatchObject({ code: 'too-complex' })
})

test('a reader that breaks is not mistaken for a bad package', async () => {
  await expect(askWorker(broken, '', unlimited)).rejects.toMatchObject({
    name: 'RangeError',
    message: 'broken on purpose',
  })
  await expect(askWorker(silent, '', unlimited)).rejects.toThrow(/exit code 3/)
})
