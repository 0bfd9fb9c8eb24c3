import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateLicenseKey } from '@ocelli/license'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { createProgram } from '../../apps/cli/src/program.ts'
import { openTestCli } from '../../apps/cli/test/test-io.ts'
import { lines, linesElsewhere, routesWithoutLine } from './cli-lines.ts'
import { answerOf, type Fill, type Known, type OpenApi, routeOf } from './openapi-answers.ts'
import { type System, startSystem } from './system.ts'

let system: System
let document: OpenApi
let folder: string
let known: Known
let caPem: string

beforeAll(async () => {
  system = await startSystem()
  document = JSON.parse(await system.download('/openapi.json')) as OpenApi
  caPem = await system.download('/.well-known/ocelli-ca.pem')
  folder = await mkdtemp(join(tmpdir(), 'ocelli-lines-'))
  const recovery = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const { publicKey } = await generateLicenseKey()
  known = {
    sealingKey: { kty: 'OKP', crv: 'X25519', x: recovery.x, kid: 'k' },
    publicKey: { kty: 'OKP', crv: 'X25519', x: recovery.x, kid: 'k' },
    // a list that is read by pages ends
    nextCursor: null,
    revokedAt: null,
    permissions: ['devices:view'],
    link: 'http://x/invitation#token',
  }
  const files: Record<string, string> = {
    'app.apk': 'package',
    'key.xml': '<Key/>',
    'hours.json': '[{"from": "08:00", "to": "18:00", "maxInFlight": 1}]',
    'recovery.json': JSON.stringify({ ...recovery, kid: 'k' }),
    'public-key.json': JSON.stringify(publicKey),
    'receipt.jws': 'receipt',
    'grant.jws': 'grant',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
})
afterAll(async () => {
  await system?.close()
  await rm(folder, { recursive: true, force: true })
})

const sse = (id: string, data: unknown) =>
  new Response(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`, { headers: { 'content-type': 'text/event-stream' } })

/** What the document does not say of an answer. */
function special(route: string, sampled: unknown): Response | null {
  switch (route) {
    case 'GET /events/v1/stream':
      return sse('1', firstEvent())
    case 'GET /software/v1/rollouts/{rolloutId}/stream': {
      const rollout = answerOf(document, 'GET /software/v1/rollouts/{rolloutId}', { fill: 'full', known }).json as {
        counters: object
      }
      const none = Object.fromEntries(Object.keys(rollout.counters).map((name) => [name, 0]))
      return sse('1', { ...rollout, state: 'COMPLETED', counters: none })
    }
    case 'GET /software/v1/apps/{appId}/download':
      return new Response('package', { headers: { 'content-length': '7', etag: '"1"' } })
    case 'GET /license/v1/licenses/{licenseId}/token':
      return new Response('file')
    case 'GET /metrics':
      return new Response('up 1\n')
    case 'GET /.well-known/ocelli-ca.pem':
      return new Response(caPem)
    case 'POST /device/v1/gateways/{gatewayId}/camera-claims':
      return Response.json({ ...(sampled as object), settled: false, kind: 'CLAIM' })
    case 'POST /device/v1/gateways/{gatewayId}/camera-credentials':
      return Response.json({ ...(sampled as object), settled: false, kind: 'CREDENTIALS' })
    case 'POST /device/v1/gateways/{gatewayId}/camera-passwords':
      return Response.json({ ...(sampled as object), settled: false, kind: 'PASSWORD' })
    default:
      return null
  }
}

function firstEvent(): unknown {
  const { json } = answerOf(document, 'GET /events/v1', { fill: 'full', known })
  return (json as { items: unknown[] }).items[0]
}

let number = 0

/** Runs a line against answers that the document allows; gives what it called, and what it said. */
async function run(line: string, fill: Fill, isJson: boolean) {
  const called = new Set<string>()
  const strange: string[] = []
  const waiting = { nowMs: () => Date.now(), monotonicMs: () => 0, wait: async () => {}, after: () => () => {} }
  const env = {
    ...{ OCELLI_URL: 'https://ocelli.test', OCELLI_TOKEN: line.startsWith('login') ? undefined : 'ocp_test' },
    ...{ OCELLI_PASSWORD: 'the old password', OCELLI_NEW_PASSWORD: 'the new password' },
    OCELLI_CAMERA_PASSWORD: 'pass',
  }
  const cli = await openTestCli({
    ...{ env, clock: waiting },
    prompt: { text: async () => 'x', secret: async () => 'x', confirm: async () => true },
    async fetch(input, init) {
      const url = new URL(String(input))
      const route = routeOf(document, init?.method ?? 'GET', url.pathname)
      if (route === null) {
        strange.push(`${init?.method} ${url.pathname}`)
        return Response.json({}, { status: 404 })
      }
      called.add(route)
      const { status, json } = answerOf(document, route, { fill, known })
      return (
        special(route, json) ??
        (json === undefined ? new Response(null, { status: 204 }) : Response.json(json, { status }))
      )
    },
  })
  number++
  const words = line.replaceAll('~', folder).replace('{n}', String(number)).split(' ')
  if (/^(logout|profiles)/.test(line))
    await cli.run(['login', '--token'], { env: { ...env, OCELLI_TOKEN: 'ocp_test' } })
  called.clear()
  const ended = await cli.run([...words, '--yes', ...(isJson ? ['--json'] : [])])
  return { ...ended, called: [...called].sort(), strange }
}

describe('the commands of the program and the routes of the platform', () => {
  test.each(lines)('%s', async (line, routes, code = 0) => {
    const full = await run(line, 'full', false)
    expect(full).toMatchObject({ called: [...new Set(routes)].sort(), strange: [] })
    expect({ code: full.code, said: full.stderr }).toEqual({ code, said: full.stderr })
    expect(`${full.stdout}${full.stderr}`).not.toMatch(/undefined|NaN|\[object|Something unexpected/)

    const forPrograms = await run(line, 'full', true)
    expect(forPrograms.code).toBe(code)
    const texts = /^(events tail|rollout watch)/.test(line)
      ? forPrograms.stdout.trim().split('\n')
      : [forPrograms.stdout]
    if (code === 0) for (const text of texts) expect(() => JSON.parse(text)).not.toThrow()
    expect(forPrograms.stderr).not.toMatch(/Something unexpected|^ *at /m)

    // what is null or empty breaks nothing either
    const bare = await run(line, 'bare', false)
    expect(`${bare.stdout}${bare.stderr}`).not.toMatch(/undefined|NaN|\[object|Something unexpected/)
  })

  it('has a line for every command, and no reason for one that is gone', () => {
    const program = createProgram({ run: async () => {}, print: () => {}, say: () => {} })
    const commands = leavesOf(program, '')
    const isRun = (command: string) => lines.some(([line]) => line === command || line.startsWith(`${command} `))
    expect(commands.filter((command) => !isRun(command) && !(command in linesElsewhere))).toEqual([])
    expect(Object.keys(linesElsewhere).filter((command) => !commands.includes(command))).toEqual([])
  })

  it('has a command for every route, or says why not', () => {
    const all = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    )
    const called = new Set(lines.flatMap(([, routes]) => routes))
    const withoutCommand = all.filter((route) => !called.has(route) && !(route in routesWithoutLine))
    const withoutNeed = Object.keys(routesWithoutLine).filter((route) => called.has(route) || !all.includes(route))
    expect({ withoutCommand, withoutNeed }).toEqual({ withoutCommand: [], withoutNeed: [] })
  })
})

interface Node {
  name(): string
  commands: readonly Node[]
}

function leavesOf(command: Node, path: string): string[] {
  const children = command.commands.filter((child) => child.name() !== 'help' && child.name() !== 'complete')
  if (children.length === 0) return [path]
  return children.flatMap((child) => leavesOf(child, `${path} ${child.name()}`.trim()))
}
