import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCli } from '../build.ts'

const run = promisify(execFile)
let folder = ''

// far from every node_modules, as on a laptop in a closed network
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-built-'))
  await buildCli(join(folder, 'ocelli'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const ocelli = (...args: string[]) => {
  const env = { ...process.env, OCELLI_CONFIG: join(folder, 'config'), NO_COLOR: '1' }
  return run(process.execPath, [join(folder, 'ocelli', 'bin', 'ocelli.mjs'), ...args], { cwd: folder, env })
}

test('the program that is given away needs nothing beside Node', async () => {
  const { version } = JSON.parse(await readFile(join(folder, 'ocelli', 'package.json'), 'utf8'))
  expect((await ocelli('--version')).stdout.trim()).toBe(version)
  await ocelli('maker', 'keygen', '--out', 'maker.jwk')
  expect(JSON.parse((await ocelli('maker', 'public-key', '--key', 'maker.jwk')).stdout)).toMatchObject({
    crv: 'Ed25519',
  })
  const key = JSON.parse((await ocelli('offline', 'key')).stdout)
  expect(key).toMatchObject({ kty: 'OKP' })
  expect(JSON.parse((await ocelli('offline', 'key')).stdout)).toEqual(key)
})

test('it names the licenses of what was built into it', async () => {
  const text = await readFile(join(folder, 'ocelli', 'THIRD-PARTY.txt'), 'utf8')
  expect(text).toMatch(/^commander \d+\.\d+\.\d+ \(MIT\)$/m)
  expect(text).not.toMatch(/^vitest|^rolldown/m)
})

test('a file that cannot be written is a fault of this machine, not of the program', async () => {
  const failed = ocelli('maker', 'keygen', '--out', join(folder, 'ocelli', 'LICENSE', 'x.jwk'))
  await expect(failed).rejects.toMatchObject({ code: 7, stderr: expect.stringContaining('LICENSE') })
})

test('on a Node that is too old it says so, in one sentence', async () => {
  const old = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'22.14.0'})`
  const failed = run(process.execPath, ['--import', old, join(folder, 'ocelli', 'bin', 'ocelli.mjs'), '--help'])
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stderr: 'ocelli needs Node.js 22.15 or newer and was started on 22.14.0: get one at https://nodejs.org.\n',
  })
})
