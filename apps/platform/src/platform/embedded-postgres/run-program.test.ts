import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isRunning } from '../../../test/postgres/postgres-folder.ts'
import { pollUntil } from './poll.ts'
import { runProgram } from './run-program.ts'

test('a program’s end comes with its exit code and the end of its talk', async () => {
  const result = await runProgram(process.execPath, [
    '-e',
    "console.log('x'.repeat(5000)); console.error('why'); process.exitCode = 3",
  ])
  expect(result.exitCode).toBe(3)
  expect(result.output).toHaveLength(2000 - '\n'.length)
  expect(result.output).toContain('why')
})

test('a program that is not there, or not executable, is an error in words', async () => {
  await expect(runProgram('/nowhere/initdb', [])).rejects.toMatchObject({
    code: 'postgres-unavailable',
    message: expect.stringMatching(/Cannot run \/nowhere\/initdb: .*missing.*DATABASE_URL/),
  })
  await expect(runProgram(import.meta.filename, [])).rejects.toMatchObject({ code: 'postgres-unavailable' })
})

test.skipIf(process.platform === 'win32')('an abort ends a program with all that it has started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-run-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const pidFile = join(folder, 'pid')
  const controller = new AbortController()
  const run = runProgram('sh', ['-c', `sleep 60 & echo $! > ${pidFile}; wait`], { signal: controller.signal })
  const ended = expect(run).rejects.toThrow('enough')
  const pid = await pollUntil(async () => Number(await readFile(pidFile, 'utf8').catch(() => '')) || undefined, {
    timeoutMs: 10_000,
  })
  controller.abort(new Error('enough'))
  await ended
  expect(await pollUntil(async () => ((await isRunning(pid ?? 0)) ? undefined : 'gone'), { timeoutMs: 10_000 })).toBe(
    'gone',
  )
})

test('an abort that came before keeps a program from starting', async () => {
  await expect(runProgram('/nowhere/initdb', [], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  )
})
