import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fakePlatform } from './fake-platform.ts'
import { json, type Scene, startScript } from './scripted-server.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const source = (path: string) => join(root, 'packages', path)
const blocksOf = async (path: string) =>
  [...(await readFile(join(root, path), 'utf8')).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block = '']) => block)

let folder: string
let server: Awaited<ReturnType<typeof startScript>>
/** Each example with the client of the first one before it, as a reader would put them together. */
let programs: string[]
const received: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-docs-'))
  await writeFile(join(folder, 'counter-4.1.1.apk'), 'a package')
  server = await startScript(platform())
  const [readme = ''] = await blocksOf('packages/sdk/README.md')
  const [first = '', ...others] = await blocksOf('docs/sdk.md')
  const client = first.slice(0, first.indexOf('\n\nfor'))
  programs = [readme, first, ...others.map((block) => `${client}\n${block}`)]
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  for (const [index, program] of programs.entries()) {
    const text = program
      .replaceAll('https://ocelli.example.com', server.baseUrl)
      .replaceAll("'@ocelli/sdk/node'", `'${source('sdk/src/node/index.ts')}'`)
      .replaceAll("'@ocelli/sdk'", `'${source('sdk/src/index.ts')}'`)
    await writeFile(join(folder, `example-${index}.ts`), `${text}\nexport {}\n`)
  }
})
afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

/** Answers whatever the examples ask for. */
function platform(): Scene {
  const installations = fakePlatform((deviceId) =>
    deviceId === 'CAMERA-1' ? { kind: 'refuses', status: 409, code: 'device-offline' } : { kind: 'settles' },
  )
  const devices = [{ deviceId: 'CAMERA-2', name: 'Gate', connectivity: 'ONLINE' }]
  const file = Buffer.from('bytes of a package')
  const event = {
    eventId: '1-1',
    type: 'installation.failed',
    at: '2026-01-01T00:00:00Z',
    deviceId: 'CAMERA-2',
    data: {},
  }
  return (response, request) => {
    const path = request.url.split('?')[0] ?? ''
    received.push(`${request.method} ${path}`)
    if (path === '/auth/v1/token')
      return json({ access_token: 't', token_type: 'Bearer', expires_in: 600, scope: '' })(response, request)
    if (path === '/device/v1/devices')
      return json({ items: devices, page: 0, size: 1, nextCursor: null, total: null })(response, request)
    if (path.startsWith('/device/v1/devices/')) return json({ deviceId: 'CAMERA-1' })(response, request)
    if (path === '/store/v1/packages')
      return json({ appId: 'com.example.counter', version: '4.1.1' })(response, request)
    if (path.endsWith('/download')) {
      const digest = createHash('sha256').update(file).digest('base64')
      response.writeHead(200, { 'content-length': file.length, 'repr-digest': `sha-256=:${digest}:` })
      return void response.end(file)
    }
    if (request.url.startsWith('/events/v1/stream?type=')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return void response.write(`id: 1-1\ndata: ${JSON.stringify(event)}\n\n`)
    }
    return installations.scene(response, request)
  }
}

test('every example of the documentation is right TypeScript', { timeout: 120_000 }, async () => {
  expect(programs.length).toBeGreaterThan(7)
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: { lib: ['ESNext'], typeRoots: [join(root, 'node_modules', '@types')], skipLibCheck: true },
    include: [join(folder, '*.ts')],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = await run(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' }).catch(
    (error: { stdout: string }) => error,
  )
  expect(stdout).toBe('')
})

test('every example of the documentation runs', { timeout: 120_000 }, async () => {
  const said: string[] = []
  for (const index of programs.keys()) {
    const { stdout } = await run(process.execPath, [`example-${index}.ts`], { cwd: folder, encoding: 'utf8' })
    said.push(stdout)
  }
  expect(said.join('\n')).toContain('Later, then: It is device-offline.')
  expect(said.join('\n')).toContain('done CAMERA-2')
  expect(await readFile(join(folder, 'counter.apk'), 'utf8')).toBe('bytes of a package')
  expect(received).toContain('POST /software/v1/apps/com.example.counter/devices/CAMERA-2')
})
