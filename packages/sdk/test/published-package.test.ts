import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWithContract } from '../build.ts'
import { json, playScript } from './scripted-server.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
// npm puts the Node that the repository pins first in the path; this is the one that the machine itself has
const nodes = [...new Set([process.execPath, process.env.npm_node_execpath ?? process.execPath])]
let folder: string
let packed: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-sdk-'))
  await buildWithContract({ sdk: join(folder, 'sdk'), contract: join(folder, 'contract') })
  const contractRequire = createRequire(fileURLToPath(new URL('../../contract/package.json', import.meta.url)))
  const parser = dirname(dirname(require.resolve('eventsource-parser')))
  const typebox = dirname(dirname(contractRequire.resolve('typebox')))
  const tarballs: string[] = []
  for (const from of ['./sdk', './contract', parser, typebox]) {
    const { stdout } = await npm(['pack', from, '--json', '--ignore-scripts'])
    const [tarball] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
    if (!tarball) throw new Error(`npm packed nothing of ${from}.`)
    tarballs.push(`./${tarball.filename}`)
    if (from === './sdk') packed = tarball.files.map(({ path }) => path).sort()
  }
  await writeFile(join(folder, 'package.json'), '{"name":"some-program","private":true,"type":"module"}')
  await npm(['install', '--offline', '--no-audit', '--no-fund', ...tarballs])
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const npm = (args: string[]) => run('npm', args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
const installedPath = (...parts: string[]) => join(folder, 'node_modules', '@ocelli', 'sdk', ...parts)

test('the tarball holds JavaScript, declarations, license and readme, and no test or source', () => {
  expect(packed).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'index.js', 'index.d.ts', 'node/index.js']))
  expect(packed.filter((path) => !/\.(?:js|d\.ts)$|^(?:LICENSE|README\.md|package\.json)$/.test(path))).toEqual([])
  expect(packed.filter((path) => /test/.test(path))).toEqual([])
})

test('the core reaches nothing of Node, and only the event parser outside itself', async () => {
  const seen = new Map<string, string>()
  const foreign = new Set<string>()
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return
    const text = await readFile(installedPath(path), 'utf8')
    seen.set(path, text)
    for (const [, specifier = ''] of text.matchAll(/(?:from|import) ?\(?['"]([^'"]+)['"]/g)) {
      if (specifier.startsWith('.')) await visit(join(dirname(path), specifier))
      else foreign.add(specifier)
    }
  }
  await visit('index.js')
  expect(seen.size).toBeGreaterThan(30)
  expect([...foreign]).toEqual(['eventsource-parser'])
  for (const [path, text] of seen) expect(text, path).not.toMatch(/\bprocess\.|\bBuffer\b|\brequire\(|setImmediate/)
})

describe.each(nodes)('on Node %s', (node) => {
  test('the installed package calls a platform and keeps a journal', async () => {
    const { baseUrl } = await playScript(json([{ siteId: 'one' }]))
    const program = `import { createClient, personalAccessToken } from '@ocelli/sdk'
      import { openFileJournal } from '@ocelli/sdk/node'
      const client = createClient({ baseUrl: process.argv[2], credentials: personalAccessToken('ocp_x') })
      const journal = await openFileJournal('journal.jsonl')
      await journal.append({ kind: 'sending', deviceId: 'x', attempt: 1 })
      await journal.close()
      console.log(JSON.stringify(await client.sites.list()))`
    await writeFile(join(folder, 'program.js'), program)
    const { stdout } = await run(node, ['program.js', baseUrl], { cwd: folder, encoding: 'utf8' })
    expect(stdout).toBe('[{"siteId":"one"}]\n')
  })
})

test('its types hold in a strict project of a browser, and know the shapes', { timeout: 120_000 }, async () => {
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const source = (property: string) => `import { createClient, isOcelliError, session } from '@ocelli/sdk'
    const client = createClient({ baseUrl: location.origin, credentials: session() })
    export const names: (string | null)[] = []
    for await (const device of client.devices.list({ connectivity: 'ONLINE' })) names.push(device.${property})
    export const kindOf = (error: unknown) => (isOcelliError(error) ? error.kind : null)`
  const check = async (property: string) => {
    await writeFile(join(folder, 'page.ts'), source(property))
    const strict = [
      '--strict',
      '--noEmit',
      '--target',
      'es2022',
      '--lib',
      'es2024,dom,dom.iterable',
      '--types',
      '',
      '--skipLibCheck',
    ]
    return await run(process.execPath, [compiler, ...strict, '--module', 'nodenext', 'page.ts'], {
      ...{ cwd: folder, encoding: 'utf8' },
    }).catch(({ stdout }: { stdout: string }) => ({ stdout }))
  }
  expect((await check('name')).stdout).toBe('')
  expect((await check('nmae')).stdout).toContain("Property 'nmae' does not exist")
})
