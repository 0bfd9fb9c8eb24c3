import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from './folder-lock.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-lock-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A process that takes the lock, says so, and keeps it. */
async function spawnHolder() {
  const module = new URL('./folder-lock.ts', import.meta.url).href
  const script = `const { lockFolder } = await import(${JSON.stringify(module)})
    await lockFolder(${JSON.stringify(folder)})
    process.stdout.write('locked')
    setInterval(() => {}, 60_000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  return holder
}

test('a lock keeps out the same process, until it is released', async () => {
  const lock = await lockFolder(folder)
  await expect(lockFolder(folder)).rejects.toMatchObject({ code: 'already-running' })
  await expect(lockFolder(folder)).rejects.toThrow(`(pid ${process.pid})`)
  await lock.release()
  await lock.release()
  await (await lockFolder(folder)).release()
})

test('a lock keeps out other processes, and a SIGKILL gives it back at once', async () => {
  const holder = await spawnHolder()
  await expect(lockFolder(folder)).rejects.toThrow(`(pid ${holder.pid})`)
  const exited = once(holder, 'exit')
  holder.kill('SIGKILL')
  await exited
  expect(await readFile(join(folder, 'ocelli.pid'), 'utf8')).toBe(`${holder.pid}\n`)
  const lock = await lockFolder(folder)
  expect(await readFile(join(folder, 'ocelli.pid'), 'utf8')).toBe(`${process.pid}\n`)
  await lock.release()
})

test('a refusal names no process that is gone', async () => {
  const lock = await lockFolder(folder)
  await writeFile(join(folder, 'ocelli.pid'), '4194305\n')
  await expect(lockFolder(folder)).rejects.toThrow('(pid unknown)')
  await lock.release()
})

test('nobody else may open the lock, which would be enough to hold it', async () => {
  const lock = await lockFolder(folder)
  expect((await stat(join(folder, 'ocelli.lock'))).mode & 0o777).toBe(0o600)
  await lock.release()
})

test('a folder that does not exist cannot be locked, and the error says so', async () => {
  await expect(lockFolder(join(folder, 'none'))).rejects.toMatchObject({
    code: 'folder-unusable',
    message: expect.stringContaining(join(folder, 'none')),
  })
})
