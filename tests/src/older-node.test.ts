import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const programs = globSync('{apps,packages}/*/package.json', { cwd: root }).flatMap((file) => {
  const { bin = {} } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { bin?: Record<string, string> }
  return Object.entries(bin).map(([name, path]) => ({ name, path: join(root, dirname(file), path) }))
})

/** So that the Node which runs the tests says that it is this old one. */
const pretend = (version: string) =>
  `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`

function run(path: string, nodeFlags: string[]) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(process.execPath, [...nodeFlags, path, '--help'], (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

test('there are programs to start', () => {
  expect(programs.map(({ name }) => name)).toEqual(expect.arrayContaining(['ocelli', 'ocelli-gateway']))
})

test.each(programs)('$name says on an older Node which one it needs, in one sentence', async ({ name, path }) => {
  expect(path, 'what an older Node can load').toMatch(/\.mjs$/)
  const { code, stdout, stderr } = await run(path, ['--import', pretend('20.11.0')])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^[^\n]+\n$/)
  expect(stderr).toContain(`${name} needs Node.js 26 and was started on 20.11.0: run it with "npx ${name}"`)
})

test.each(programs)('$name starts on the Node that the repository brings', async ({ name, path }) => {
  expect(await run(path, [])).toMatchObject({ code: 0, stdout: expect.stringContaining(name), stderr: '' })
})
