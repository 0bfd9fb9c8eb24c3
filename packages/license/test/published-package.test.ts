import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type InstalledPackage, installPackage, judgeVectors, readExample } from './published-package.ts'
import type { Vectors } from './vectors.ts'

const vectorsPath = new URL('../../../docs/license-vectors.json', import.meta.url)
const vectors = JSON.parse(await readFile(vectorsPath, 'utf8')) as Vectors
// npm puts the Node that the repository pins first in the path; this is the one that the machine itself has.
const nodes = [...new Set([process.execPath, process.env.npm_node_execpath ?? process.execPath])]
let installed: InstalledPackage

beforeAll(async () => {
  installed = await installPackage()
}, 60_000)

afterAll(async () => {
  if (installed) await rm(installed.folder, { recursive: true, force: true })
})

test('the tarball holds JavaScript, declarations, license and readme, and no test or source', () => {
  const { packed } = installed
  expect(packed).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'index.js', 'verifier.d.ts']))
  const foreign = packed.filter((path) => !/^(?:[a-z0-9-]+\.(?:js|d\.ts)|LICENSE|README\.md|package\.json)$/.test(path))
  expect(foreign).toEqual([])
  expect(packed.filter((path) => /test|fixed|forge/.test(path))).toEqual([])
})

test('it depends on nothing, and every door leads to a file', async () => {
  const room = join(installed.folder, 'node_modules', '@ocelli', 'license')
  const manifest = JSON.parse(await readFile(join(room, 'package.json'), 'utf8'))
  expect(manifest.dependencies).toEqual({})
  expect(manifest.private).toBeUndefined()
  expect(manifest.scripts).toBeUndefined()
  const doors = Object.values(manifest.exports as Record<string, Record<string, string>>).flatMap(Object.values)
  expect(doors).toHaveLength(4)
  for (const door of doors) expect(installed.packed).toContain(door.replace('./', ''))
  expect(await readdir(join(installed.folder, 'node_modules', '@ocelli'))).toEqual(['license'])
})

test('the door for verifiers leads to no code that signs, and to nothing outside', async () => {
  const room = join(installed.folder, 'node_modules', '@ocelli', 'license')
  const seen = new Map<string, string>()
  const visit = async (name: string): Promise<void> => {
    if (seen.has(name)) return
    const text = await readFile(join(room, name), 'utf8')
    seen.set(name, text)
    const imports = [...text.matchAll(/from '([^']+)'/g)].map(([, specifier = '']) => specifier)
    for (const specifier of imports) {
      expect(specifier).toMatch(/^\.\/[a-z0-9-]+\.js$/)
      await visit(specifier.replace('./', ''))
    }
  }
  await visit('verifier.js')
  expect([...seen.keys()]).toContain('verify.js')
  for (const [name, text] of seen) expect(text, name).not.toMatch(/subtle\.sign|generateKey|privateKey|process\.|node:/)
})

describe.each(nodes)('on Node %s', (node) => {
  test('the example of docs/app-makers.md tells a good license from a copied one', async () => {
    const [good] = vectors.cases
    if (!good) throw new Error('There are no vectors.')
    await writeFile(join(installed.folder, 'check-license.js'), await readExample('app-makers.md', 'js'))
    await writeFile(join(installed.folder, 'counter.lic'), good.file)
    const licensed = await installed.runNode(node, ['check-license.js', 'counter.lic', good.deviceId])
    expect(licensed).toMatchObject({ stdout: 'licensed: FULL, clock ok\n', exitCode: 0 })
    const copied = await installed.runNode(node, ['check-license.js', 'counter.lic', 'ACCC8E000001'])
    expect(copied).toMatchObject({ stdout: expect.stringMatching(/^not licensed: other-device\./), exitCode: 1 })
  })

  test('every vector gets its verdict', async () => {
    const program = `import { readFile } from 'node:fs/promises'\n${judgeVectors}
      console.log(await judge(JSON.parse(await readFile('vectors.json', 'utf8'))))`
    await writeFile(join(installed.folder, 'vectors.json'), JSON.stringify(vectors))
    await writeFile(join(installed.folder, 'vectors.js'), program)
    const { stdout } = await installed.runNode(node, ['vectors.js'])
    expect(stdout).toBe(`${vectors.cases.length} as expected\n`)
  })
})

test('its types hold in a strict project that knows neither Node nor the DOM', async () => {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const source = (property: string) => `import { verifyLicense, type LicenseRefusal } from '@ocelli/license/verify'
    import { signGrant } from '@ocelli/license'
    const verdict = await verifyLicense('', { makers: [], deviceId: '', appId: '', now: null })
    export const reason: LicenseRefusal | null = verdict.valid ? null : verdict.${property}
    export const grant: (options: Parameters<typeof signGrant>[0]) => Promise<string> = signGrant`
  const check = async (property: string) => {
    await writeFile(join(installed.folder, 'app.ts'), source(property))
    const strict = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2024', '--types', '']
    return await installed.runNode(process.execPath, [compiler, ...strict, '--module', 'nodenext', 'app.ts'])
  }
  expect(await check('reason')).toMatchObject({ stdout: '', exitCode: 0 })
  expect((await check('raeson')).stdout).toContain("Did you mean 'reason'?")
})
