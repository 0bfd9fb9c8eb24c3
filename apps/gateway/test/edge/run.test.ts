import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTestAuthority, type Pair, type TestAuthority } from './test-authority.ts'
import { startTestBroker, type TestBroker } from './test-broker.ts'
import { gatewayId, startTestPlatform, type TestPlatform } from './test-platform.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
// each start of a process takes seconds on a machine that does other things
const within = { timeout: 40_000, interval: 20 }
vi.setConfig({ testTimeout: 150_000 })

let authority: TestAuthority
let server: Pair
let home: string
let broker: TestBroker
let platform: TestPlatform
let children: ChildProcess[] = []

beforeAll(async () => {
  authority = await createTestAuthority()
  server = await authority.issueServer()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-run-'))
  broker = await startTestBroker({ tls: { ...server, ca: authority.certificate } })
  platform = await startTestPlatform({
    ...{ authority, server, mqttUrl: broker.directUrl, mqttWebSocketUrl: broker.webSocketUrl },
  })
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  children = []
  await platform.close()
  await broker.close()
  await rm(home, { recursive: true, force: true })
})

function start(...args: string[]) {
  const { PATH, SystemRoot } = process.env
  const child = fork(main, [...args, '--home', home], {
    env: { PATH, SystemRoot, OCELLI_ENROLLMENT_TOKEN: platform.token },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  })
  children.push(child)
  const said: string[] = []
  child.stderr?.on('data', (chunk) => said.push(String(chunk)))
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  return { child, exited, err: () => said.join('') }
}

const startRun = () => start('run', '--enroll-if-needed', '--platform', platform.url)
const hellos = () => broker.said.filter(({ kind }) => kind === 'hello')

describe('ocelli-gateway run', () => {
  test('enrolls itself, says hello, and on SIGTERM says gone and ends well within five seconds', async () => {
    const { child, exited, err } = startRun()
    await expect.poll(() => hellos().length, within).toBe(1)
    expect(hellos()).toMatchObject([{ version: '0.1.0', devices: [] }])
    expect(broker.logins).toMatchObject([{ commonName: gatewayId, path: 'direct' }])
    child.kill('SIGTERM')
    child.kill('SIGINT')
    // after five seconds it would end itself with another code
    expect(await exited).toEqual({ code: 0, signal: null })
    expect(broker.said.at(-1)).toMatchObject({ kind: 'gone' })
    expect(broker.wills).toEqual([])
    expect(err()).not.toContain(platform.token.slice(6, 40))
    expect(err()).not.toContain('PRIVATE KEY')
  })

  test('comes back after SIGKILL as the same gateway, without enrolling again', async () => {
    const first = startRun()
    await expect.poll(() => hellos().length, within).toBe(1)
    first.child.kill('SIGKILL')
    await first.exited
    await expect.poll(() => broker.said.at(-1)?.kind, within).toBe('gone')
    startRun()
    await expect.poll(() => hellos().length, within).toBe(2)
    expect(platform.exchanges.filter(({ path }) => path.endsWith('/enroll'))).toHaveLength(1)
  })

  test('enrolls again, as the same gateway, with a certificate that ended too long ago to be renewed', async () => {
    const dayMs = 86_400_000
    const at = (days: number) => new Date(Date.now() + days * dayMs)
    // as from a machine whose clock was two years behind
    platform.validity = { notBefore: at(-730), notAfter: at(-365) }
    const first = startRun()
    const enrolled = () => platform.exchanges.filter(({ path }) => path.endsWith('/enroll'))
    await expect.poll(() => enrolled().length, within).toBe(1)
    await expect.poll(() => first.err(), within).toContain('The gateway starts')
    first.child.kill('SIGKILL')
    await first.exited
    platform.validity = {}
    startRun()
    await expect.poll(() => hellos().length, within).toBe(1)
    expect(enrolled()).toHaveLength(2)
    expect(JSON.parse(enrolled()[1]?.body ?? '{}')).toMatchObject({ gatewayId })
  })

  test('ends with the program that started it, and lets the next one have the folder', async () => {
    const first = startRun()
    await expect.poll(() => hellos().length, within).toBe(1)
    const second = startRun()
    first.child.disconnect()
    expect(await first.exited).toEqual({ code: 0, signal: null })
    await expect.poll(() => hellos().length, within).toBe(2)
    second.child.kill('SIGTERM')
    expect(await second.exited).toEqual({ code: 0, signal: null })
  })

  test('waits for a platform that does not answer yet, and can be stopped meanwhile', async () => {
    const { url } = platform
    await platform.close()
    const { child, exited, err } = start('run', '--enroll-if-needed', '--platform', url)
    await expect.poll(() => err(), within).toContain('does not answer yet')
    child.kill('SIGTERM')
    expect(await exited).toEqual({ code: 0, signal: null })
  })

  test('an enrolled folder takes the new address of its platform', async () => {
    const first = startRun()
    await expect.poll(() => hellos().length, within).toBe(1)
    first.child.kill('SIGTERM')
    await first.exited
    const moved = await startTestPlatform({
      ...{ authority, server, mqttUrl: broker.directUrl, mqttWebSocketUrl: broker.webSocketUrl },
    })
    try {
      start('run', '--enroll-if-needed', '--platform', moved.url)
      await expect.poll(() => hellos().length, within).toBe(2)
      const [again] = moved.exchanges.filter(({ path }) => path.endsWith('/enroll'))
      expect(JSON.parse(again?.body ?? '{}')).toMatchObject({ gatewayId })
    } finally {
      await moved.close()
    }
  })
})
