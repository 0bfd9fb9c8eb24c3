import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const program = fileURLToPath(new URL('./main.ts', import.meta.url))
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-compiled-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (home: string) =>
  promisify(execFile)(process.execPath, [program, '--help'], { env: { ...process.env, OCELLI_HOME: home } })

describe('compiled code', () => {
  it('is kept in the data folder, for its owner alone', { timeout: 60_000 }, async () => {
    await run(folder)
    const kept = join(folder, 'compiled')
    expect(await readdir(kept, { recursive: true })).not.toHaveLength(0)
    if (process.platform !== 'win32') expect((await stat(kept)).mode & 0o777).toBe(0o700)
  })

  it('makes no data folder', { timeout: 60_000 }, async () => {
    const missing = join(folder, 'none')
    await run(missing)
    await expect(stat(missing)).rejects.toThrow(/ENOENT/)
  })
})
