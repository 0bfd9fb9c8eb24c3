import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildLicense, judgeVectors } from './published-package.ts'
import type { Vectors } from './vectors.ts'

const run = promisify(execFile)
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium'
const vectorsPath = new URL('../../../docs/license-vectors.json', import.meta.url)
const isMissing = !existsSync(chromium)
if (isMissing) process.stderr.write(`Skipped: ${chromium} is missing, so the verifier is not tried in a browser.\n`)

describe.skipIf(isMissing)('in Chromium', () => {
  let folder: string
  let server: Server

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocelli-license-browser-'))
    await buildLicense(join(folder, 'dist'))
    const done = Promise.withResolvers<void>()
    server = createServer((request, response) => {
      // The dump waits for the load event, that for the image, and the image for the page to be done.
      if (request.url === '/done') done.resolve()
      if (request.url === '/image') {
        void done.promise.then(() => response.writeHead(204).end())
        return
      }
      void answer(request.url ?? '/', join(folder, 'dist')).then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type }).end(body)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }, 60_000)

  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true, force: true })
  })

  test('every vector gets its verdict', { timeout: 90_000 }, async () => {
    const { port } = server.address() as AddressInfo
    const vectors = JSON.parse(await readFile(vectorsPath, 'utf8')) as Vectors
    const profile = `--user-data-dir=${join(folder, 'profile')}`
    const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', profile]
    const { stdout } = await run(chromium, [...quiet, '--dump-dom', `http://127.0.0.1:${port}/`], {
      encoding: 'utf8',
      timeout: 80_000,
    })
    expect(stdout).toContain(`<pre>${vectors.cases.length} as expected</pre>`)
  })
})

async function answer(path: string, dist: string): Promise<{ status: number; type: string; body: string | Buffer }> {
  if (path === '/') return { status: 200, type: 'text/html', body: page }
  if (path === '/vectors.json') return { status: 200, type: 'application/json', body: await readFile(vectorsPath) }
  const file = join(dist, basename(path))
  if (!path.endsWith('.js') || !existsSync(file)) return { status: 404, type: 'text/plain', body: 'Not found.' }
  return { status: 200, type: 'text/javascript', body: await readFile(file) }
}

const page = `<!doctype html><title>Verifier</title><pre>not done</pre><img src="/image" alt="">
<script type="importmap">{"imports":{"@ocelli/license/verify":"/verifier.js"}}</script>
<script type="module">
${judgeVectors}
const output = document.querySelector('pre')
try {
  output.textContent = await judge(await (await fetch('/vectors.json')).json())
} catch (error) {
  output.textContent = String(error)
}
await fetch('/done')
</script>`
