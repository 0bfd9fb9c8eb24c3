import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWithContract } from '../build.ts'
import { fakePlatform } from './fake-platform.ts'
import { json, problem, type Scene, type ScriptedServer, startScript } from './scripted-server.ts'

const run = promisify(execFile)
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'
const isMissing = !existsSync(chromium)
if (isMissing) process.stderr.write(`Skipped: ${chromium} is missing, so the SDK is not tried in a browser.\n`)
const parserFolder = dirname(createRequire(import.meta.url).resolve('eventsource-parser'))
const file = Buffer.from('bytes of a package')

describe.skipIf(isMissing)('in Chromium', () => {
  let folder: string
  let server: ScriptedServer & { close: () => Promise<void> }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocelli-sdk-browser-'))
    await buildWithContract({ sdk: join(folder, 'sdk'), contract: join(folder, 'contract') })
    server = await startScript(platform(folder))
  }, 120_000)
  afterAll(async () => {
    await server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('a page lists, retries, changes, downloads, listens and runs a batch', { timeout: 90_000 }, async () => {
    const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking']
    const profile = `--user-data-dir=${join(folder, 'profile')}`
    const { stdout } = await run(chromium, [...quiet, profile, '--dump-dom', `${server.baseUrl}/`], {
      ...{ encoding: 'utf8', timeout: 80_000 },
    })
    expect(/<pre>(.*?)<\/pre>/s.exec(stdout)?.[1]?.replaceAll('&gt;', '>')).toBe(
      'devices CAM-1; forbidden devices:edit; installed CAM-1; bytes of a package; event 1-1; batch 2 of 2',
    )
    const change = server.received.find(({ method }) => method === 'PUT')
    expect(change?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/)
    // the page's own cookie, not one of the client's keeping
    expect(change?.headers.cookie).toBe('ocelli.session_token=of-the-page')
  })
})

/** Page, modules and API from one origin, as the portal has them. */
function platform(folder: string): Scene {
  const installations = fakePlatform(() => ({ kind: 'settles' }))
  let refusals = 1
  let whenDone = () => {}
  const done = new Promise<void>((resolve) => {
    whenDone = resolve
  })
  return async (response, request) => {
    const path = request.url.split('?')[0] ?? '/'
    if (path === '/') {
      response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'ocelli.session_token=of-the-page' })
      return void response.end(page)
    }
    // the dump waits for the load event, that for the image, and the image for the page to be done
    if (path === '/done') whenDone()
    if (path === '/image') return void done.then(() => response.writeHead(204).end())
    if (/\.js$/.test(path)) {
      const [, root, rest = ''] = path.split(/^\/(sdk|parser)\//)
      const code = await readFile(normalize(join(root === 'sdk' ? join(folder, 'sdk') : parserFolder, rest)))
      response.writeHead(200, { 'content-type': 'text/javascript' })
      return void response.end(code)
    }
    if (path === '/device/v1/devices' && refusals-- > 0) {
      return problem(429, 'too-many-requests', { headers: { 'retry-after': '1' } })(response, request)
    }
    if (path === '/device/v1/devices') {
      return json({ items: [{ deviceId: 'CAM-1' }], page: 0, size: 1, nextCursor: null, total: null })(
        response,
        request,
      )
    }
    if (request.method === 'PATCH') {
      return problem(403, 'permission-missing', { requiredPermission: 'devices:edit' })(response, request)
    }
    if (path.endsWith('/download')) {
      const digest = createHash('sha256').update(file).digest('base64')
      response.writeHead(200, { 'content-length': file.length, 'repr-digest': `sha-256=:${digest}:` })
      return void response.end(file)
    }
    if (request.url === '/events/v1/stream?type=mine') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return void response.write('id: 1-1\ndata: {"eventId":"1-1","type":"mine"}\n\n')
    }
    return await installations.scene(response, request)
  }
}

const page = `<!doctype html><title>SDK</title><pre>not done</pre><img src="/image" alt="">
<script type="importmap">{"imports":{"@ocelli/sdk":"/sdk/index.js","eventsource-parser":"/parser/index.js"}}</script>
<script type="module">
import { createClient, isOcelliError, session } from '@ocelli/sdk'
const said = []
try {
  const client = createClient({ baseUrl: location.origin, credentials: session() })
  for await (const device of client.devices.list()) said.push('devices ' + device.deviceId)
  await client.devices.change('CAM-1', { name: 'Gate' }).catch((error) => {
    if (isOcelliError(error)) said.push(error.kind + ' ' + error.requiredPermission)
  })
  const change = await client.installations.install({ appId: 'app', deviceId: 'CAM-1' }, { licenseType: 'FULL' })
  said.push('installed ' + change.deviceId)
  said.push(await new Response((await client.apps.download('app')).stream).text())
  for await (const event of client.events.stream({ type: 'mine' })) {
    said.push('event ' + event.eventId)
    break
  }
  const report = await client.batch(['CAM-2', 'CAM-3'], { kind: 'install', appId: 'app', licenseType: 'FULL' })
  said.push('batch ' + report.counts.succeeded + ' of ' + report.results.length)
} catch (error) {
  said.push(String(error))
}
document.querySelector('pre').textContent = said.join('; ')
await fetch('/done')
</script>`
