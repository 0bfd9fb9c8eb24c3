import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { type CliEnd, runCliProcess, startCli } from './cli-process.ts'
import { apiDemos } from './real-apps.ts'
import { buy, type System, startSystem, untilOnline } from './system.ts'

const { appId } = apiDemos
const password = 'a long password'

let system: System
let folder: string
let environment: Record<string, string>

beforeAll(async () => {
  vi.stubEnv('OCELLI_ADMIN_PASSWORD', password)
  folder = await mkdtemp(join(tmpdir(), 'ocelli-cli-'))
  system = await startSystem()
  const { url, clientId, clientSecret } = system
  environment = {
    ...{ OCELLI_CONFIG: join(folder, 'config'), OCELLI_URL: url },
    ...{ OCELLI_CLIENT_ID: clientId, OCELLI_CLIENT_SECRET: clientSecret },
  }
  for (const deviceId of ['GATE-1', 'YARD-2']) {
    await system.claim(await system.camera(deviceId))
    await untilOnline(system, deviceId)
  }
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await system?.close()
  await rm(folder, { recursive: true, force: true })
})

const ocelli = (...args: string[]): Promise<CliEnd> => runCliProcess(args, environment)

/** What a program gets; the command has ended well and said nothing wrong. */
async function json<Value>(...args: string[]): Promise<Value> {
  const { code, stdout, stderr } = await ocelli(...args, '--json')
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' })
  return JSON.parse(stdout) as Value
}

describe('an operator with a terminal', () => {
  test('publishes, buys, installs, starts, updates and removes an app', async () => {
    const file = apiDemos.v4_0_0
    expect(await json('apps', 'publish', file)).toMatchObject([{ appId, version: '4.0.0' }])
    const order = await json<{ orderId: string }>('orders', 'place', appId, '2', '--license-type', 'FULL')
    expect(await json('orders', 'confirm', order.orderId)).toMatchObject({ state: 'CONFIRMED' })
    expect(await json('licenses', 'quantities', appId)).toMatchObject([{ total: 2, used: 0, free: 2 }])

    expect(await json('install', appId, 'GATE-1', '--wait')).toMatchObject({ installationState: 'INSTALLED' })
    expect(await json('start', appId, 'GATE-1', '--wait')).toMatchObject({ runningState: 'RUNNING' })
    expect(await json('apps', 'publish', apiDemos.v4_1_1)).toMatchObject([{ version: '4.1.1' }])
    expect(await json('update', appId, 'GATE-1', '--wait')).toMatchObject({ installedVersion: '4.1.1' })
    expect(await json('status', appId, 'GATE-1')).toMatchObject({ settled: true, installedVersion: '4.1.1' })
    expect(await json('uninstall', appId, 'GATE-1', '--wait')).toMatchObject({ installationState: 'NOT_INSTALLED' })
    expect(await json('licenses', 'quantities', appId)).toMatchObject([{ used: 0, free: 2 }])
  })

  test('does it on many devices at once, and sees what came of each', async () => {
    const { code, stdout, stderr } = await ocelli('install', appId, 'GATE-1', 'YARD-2', 'NOT-THERE', '--wait')
    expect(code).toBe(1)
    expect(stdout).toMatch(/GATE-1 +done +INSTALLED +4\.1\.1/)
    expect(stdout).toMatch(/NOT-THERE +FAILED .*not-found/)
    expect(stderr).toContain('2 done')
  })

  test('rolls it back out by a filter, and watches', async () => {
    const choice = ['--action', 'uninstall', '--app', appId, '--with-app', appId]
    expect(await json('rollout', 'create', ...choice, '--dry-run')).toMatchObject({ total: 2, ready: 2 })
    const { code, stdout } = await ocelli('rollout', 'create', ...choice, '--watch')
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('2 succeeded') })
    const [rollout] = await json<{ rolloutId: string }[]>('rollout', 'list')
    expect(await json('rollout', 'devices', rollout?.rolloutId ?? '')).toHaveLength(2)
  })

  test('reads tables, and finds devices by filters', async () => {
    await json('devices', 'edit', 'GATE-1', '--name', 'North gate', '--add-tag', 'lobby')
    const { code, stdout, stderr } = await ocelli('devices', 'list', '--tag', 'lobby')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(stdout).toMatch(/^DEVICE +NAME .*\nGATE-1 +North gate /)
    expect((await ocelli('devices', 'list', '--count')).stdout).toBe('2\n')
    for (const args of [
      ['sites', 'list'],
      ['gateways', 'list'],
      ['users', 'list'],
      ['orders', 'list'],
      ['apps', 'show', appId],
    ])
      expect(await ocelli(...args)).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) })
  })

  test('saves a license for its eyes only, and a package as it was published', async () => {
    const license = await json<{ licenseId: string }>('licenses', 'create', appId, 'ISLAND-9', '--license-type', 'FULL')
    const path = join(folder, 'island.license')
    expect(await ocelli('licenses', 'download', license.licenseId, '--output', path)).toMatchObject({
      code: 0,
      stdout: '',
    })
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const copy = join(folder, 'copy.apk')
    expect((await ocelli('apps', 'download', appId, '--version', '4.0.0', '--output', copy)).stdout).toBe(`${copy}\n`)
    expect((await readFile(copy)).equals(await readFile(apiDemos.v4_0_0))).toBe(true)
    const release = ['licenses', 'release', license.licenseId, '--reason', 'scrapped']
    expect(await ocelli(...release)).toMatchObject({ code: 2, stdout: '' })
    expect(await json(...release, '--yes')).toMatchObject({ state: 'RELEASED' })
  })
})

describe('signing in', () => {
  const config = () => join(folder, 'people')
  const as = (more: Record<string, string> = {}) => ({ OCELLI_CONFIG: config(), ...more })

  test('a person, by a password that is kept nowhere; signing out ends the token', async () => {
    const login = ['login', '--url', system.url, '--email', 'admin@example.com']
    expect(await runCliProcess(login, as({ OCELLI_PASSWORD: 'wrong password' }))).toMatchObject({ code: 3 })
    expect(await runCliProcess(login, as({ OCELLI_PASSWORD: password }))).toMatchObject({ code: 0, stdout: '' })
    const file = join(config(), 'profiles.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const text = await readFile(file, 'utf8')
    expect(text).not.toContain(password)
    const me = await runCliProcess(['whoami', '--json'], as())
    expect(JSON.parse(me.stdout)).toMatchObject({ kind: 'user', user: { email: 'admin@example.com' } })
    expect(await runCliProcess(['logout'], as())).toMatchObject({ code: 0 })
    const token = /"token": "(ocp_[^"]+)"/.exec(text)?.[1] ?? ''
    const late = await runCliProcess(['whoami'], as({ OCELLI_URL: system.url, OCELLI_TOKEN: token }))
    expect(late).toMatchObject({ code: 3, stdout: '' })
  })

  test('a machine, whose wrong secret is told as such', async () => {
    const login = ['login', '--url', system.url, '--client-id', system.clientId, '--profile', 'bot']
    expect(await runCliProcess(login, as({ OCELLI_CLIENT_SECRET: 'wrong' }))).toMatchObject({ code: 3, stdout: '' })
    expect(await runCliProcess(login, as({ OCELLI_CLIENT_SECRET: system.clientSecret }))).toMatchObject({ code: 0 })
    expect(await runCliProcess(['devices', 'list', '--count'], as())).toMatchObject({ code: 0, stdout: '2\n' })
  })
})

describe('what goes wrong', () => {
  test.each([
    [['devices', 'show', 'NOT-THERE'], 4],
    [['devices', 'list', '--site', 'no such site'], 4],
    [['rollout', 'show', 'not-a-uuid'], 2],
    [['install', appId, 'GATE-1', '--license-type', 'SUBSCRIPTION'], 6],
    [['install', appId], 2],
    [['frobnicate'], 2],
    [['apps', 'publish', '/does/not/exist.apk'], 7],
    [['rollout', 'show', '00000000-0000-4000-8000-000000000000'], 4],
  ])('%j ends with %i, and is told on stderr alone', async (args, code) => {
    const run = await ocelli(...args)
    expect(run).toMatchObject({ code, stdout: '' })
    expect(run.stderr).not.toBe('')
    expect(run.stderr).not.toContain('unexpected')
  })

  it('is one JSON object on stderr for programs', async () => {
    const { code, stdout, stderr } = await ocelli('devices', 'show', 'NOT-THERE', '--json')
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'not-found', exitCode: 4, requestId: expect.any(String) },
    })
  })

  it('ends quietly when nobody reads on', async () => {
    const child = startCli(['events', 'tail'], environment)
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    await once(child.stderr ?? child, 'data')
    child.stdout?.destroy()
    const ended = once(child, 'close') as Promise<[number | null]>
    // whatever happens next is written to nobody
    for (let number = 0; child.exitCode === null && number < 50; number++) {
      await ocelli('devices', 'edit', 'YARD-2', '--name', `Yard ${number}`)
    }
    expect((await ended)[0]).toBe(141)
    expect(stderr).toBe('Waiting for events; Ctrl-C ends.\n')
  })

  it('can be interrupted', async () => {
    const child = startCli(['events', 'tail'], environment)
    await once(child.stderr ?? child, 'data')
    child.kill('SIGINT')
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(130)
  })
})

test('events are followed from where one has stopped reading', async () => {
  const [first] = await json<{ eventId: string; type: string }[]>('events', 'list', '--type', 'order.placed')
  const { code, stdout } = await ocelli('events', 'tail', '--after', first?.eventId ?? '', '--limit', '2', '--json')
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { eventId: string }).eventId)).toHaveLength(2)
})

test('a shell is offered commands, flags and choices', async () => {
  expect((await ocelli('completion', 'bash')).stdout).toContain('complete')
  expect((await ocelli('complete', '--', 'rollout', '')).stdout).toContain('watch\t')
  expect((await ocelli('complete', '--', 'devices', 'list', '--state', '')).stdout).toContain('UNCLAIMED')
})

test('a platform that is down ends with 5, in the time that was given', async () => {
  await buy(system, appId, 1)
  await system.stop()
  const run = await ocelli('devices', 'list', '--timeout', '2')
  expect(run).toMatchObject({ code: 5, stdout: '' })
  expect(run.stderr).toContain('connection-refused')
})
