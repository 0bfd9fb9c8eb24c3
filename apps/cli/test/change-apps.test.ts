import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { answering, openTestCli, problem, signedIn } from './test-io.ts'

const installation = {
  ...{ appId: 'a.b', deviceId: 'CAM1', installationState: 'INSTALLED', runningState: 'RUNNING', settled: true },
  ...{ installedVersion: '1', targetVersion: '1', latestVersion: '1', error: null, license: null, progress: null },
  ...{ queued: false, drift: null, updatable: false, managed: true, name: null },
}
const pending = { ...installation, installationState: 'PENDING', settled: false, installedVersion: null }
const accepted = (body: unknown = pending) => Response.json(body, { status: 202 })
const page = (...ids: string[]) => ({
  ...{ items: ids.map((deviceId) => ({ deviceId })), page: 0, size: 1000, nextCursor: null, total: ids.length },
})
const env = signedIn
/** Time passes at once where it is waited for. */
const quick = {
  clock: {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    wait: async () => new Promise<void>((resolve) => setImmediate(resolve)),
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
  },
}

describe('one device', () => {
  it('is asked once and its installation told as it stands', async () => {
    const platform = answering(() => accepted())
    const cli = await openTestCli({ env, ...platform })
    const run = await cli.run(['install', 'a.b', 'CAM1', '--license-type', 'TRIAL', '--version', '4.1', '--queue'])
    expect(run).toMatchObject({ code: 0, stderr: '' })
    expect(run.stdout).toMatch(/state +PENDING/)
    expect(platform.calls).toEqual(['PUT /software/v1/apps/a.b/devices/CAM1?whenOffline=queue'])
  })

  it('sends the flags of install as the API names them', async () => {
    let sent: unknown
    const platform = answering(({ body }) => {
      sent = body
      return accepted()
    })
    const cli = await openTestCli({ env, ...platform })
    await cli.run([
      'install',
      'a.b',
      'CAM1',
      '--license-type',
      'TRIAL',
      '--version',
      '4.1',
      '--start',
      '--order',
      'o-1',
    ])
    expect(sent).toEqual({ licenseType: 'TRIAL', version: '4.1', start: true, orderId: 'o-1' })
  })

  it('is waited for with --wait, and a failure ends with 1', async () => {
    const failed = {
      ...installation,
      installationState: 'INSTALLATION_FAILED',
      error: { code: 'no-room', detail: 'Full.' },
    }
    let looks = 0
    const platform = answering(({ route }) => (route.startsWith('PUT') ? accepted() : ++looks < 3 ? pending : failed))
    const cli = await openTestCli({ env, ...platform, ...quick })
    const run = await cli.run(['install', 'a.b', 'CAM1', '--wait'])
    expect(run.code).toBe(1)
    expect(run.stdout).toMatch(/error +no-room: Full\./)
    expect(looks).toBe(3)
  })

  it('that does not settle in time is told as such', async () => {
    const cli = await openTestCli({ env, ...answering(() => accepted()) })
    const run = await cli.run(['start', 'a.b', 'CAM1', '--wait', '--wait-timeout', '0.05'])
    expect(run.code).toBe(1)
    expect(run.stderr).toContain('goes on at the platform')
  })

  it('that cannot be changed keeps the code of its refusal', async () => {
    const cli = await openTestCli({ env, ...answering(() => problem(409, 'no-free-license')) })
    const run = await cli.run(['install', 'a.b', 'CAM1'])
    expect(run.code).toBe(6)
    expect(run.stderr).toContain('ocelli orders place')
  })
})

describe('many devices', () => {
  it('get one result each, and a failure of one ends with 1', async () => {
    const platform = answering(({ route }) => {
      if (route === 'GET /events/v1/stream') return problem(403, 'permission-missing')
      return route.includes('CAM2') ? problem(409, 'device-offline') : { ...installation, deviceId: 'CAM1' }
    })
    const cli = await openTestCli({ env, ...platform })
    const run = await cli.run(['start', 'a.b', 'CAM1', 'CAM2', '--json', '--wait'])
    expect(run.code).toBe(1)
    const results = JSON.parse(run.stdout) as { deviceId: string; kind: string }[]
    expect(results.map(({ deviceId, kind }) => [deviceId, kind])).toEqual([
      ['CAM1', 'succeeded'],
      ['CAM2', 'failed'],
    ])
    expect(run.stderr).toContain('1 done, 0 accepted and not ended, 1 failed, 0 not sent.')
  })

  it('are not waited for without --wait', async () => {
    const platform = answering(({ route }) =>
      route === 'GET /events/v1/stream' ? problem(403, 'permission-missing') : accepted(),
    )
    const cli = await openTestCli({ env, ...platform })
    const run = await cli.run(['stop', 'a.b', 'CAM1', 'CAM2'])
    expect(run.code).toBe(0)
    expect(run.stdout.match(/accepted/g)).toHaveLength(2)
  })

  it('are counted and asked about when a filter chooses them', async () => {
    const platform = answering(({ route }) => {
      if (route === 'GET /events/v1/stream') return problem(403, 'permission-missing')
      return route === 'GET /device/v1/devices' ? page('CAM1', 'CAM2') : installation
    })
    const asked: string[] = []
    const prompt = {
      ...{ text: async () => '', secret: async () => '' },
      confirm: async (question: string) => {
        asked.push(question)
        return false
      },
    }
    const cli = await openTestCli({ env, ...platform })
    expect(await cli.run(['uninstall', 'a.b', '--tag', 'x'], { prompt })).toMatchObject({ code: 130, stdout: '' })
    expect(asked).toEqual(['Uninstall a.b on 2 devices?'])
    expect(platform.calls.filter((call) => call.startsWith('DELETE'))).toEqual([])
    expect(await cli.run(['uninstall', 'a.b', '--tag', 'x'])).toMatchObject({ code: 2 })
    await cli.run(['uninstall', 'a.b', '--tag', 'x', '--yes'])
    expect(platform.calls.filter((call) => call.startsWith('DELETE'))).toHaveLength(2)
  })

  it('come from a file or from what is piped in, with comments, empty lines and a byte order mark', async () => {
    const platform = answering(({ route }) =>
      route === 'GET /events/v1/stream' ? problem(403, 'permission-missing') : installation,
    )
    const cli = await openTestCli({ env, ...platform })
    const text = '\ufeffCAM1\r\n# not this\r\n\r\n  CAM2 \nCAM1\n'
    await writeFile(join(cli.folder, 'ids.txt'), text)
    const stdin = () =>
      (async function* piped() {
        yield text
      })()
    for (const from of ['ids.txt', '-']) {
      platform.calls.length = 0
      expect(await cli.run(['update', 'a.b', '--from', from], { stdin: stdin() })).toMatchObject({ code: 0 })
      expect(platform.calls.filter((call) => call.startsWith('POST')).sort()).toEqual([
        'POST /software/v1/apps/a.b/devices/CAM1',
        'POST /software/v1/apps/a.b/devices/CAM2',
      ])
    }
  })

  it('go on behind what a journal says was reached', async () => {
    const platform = answering(({ route }) =>
      route === 'GET /events/v1/stream' ? problem(403, 'permission-missing') : installation,
    )
    const cli = await openTestCli({ env, ...platform })
    const args = ['update', 'a.b', 'CAM1', 'CAM2', '--wait', '--journal', 'j.jsonl']
    expect(await cli.run(args)).toMatchObject({ code: 0 })
    platform.calls.length = 0
    expect(await cli.run([...args.slice(0, 4), 'CAM3', ...args.slice(4)])).toMatchObject({ code: 0 })
    expect(platform.calls.filter((call) => call.startsWith('POST'))).toEqual([
      'POST /software/v1/apps/a.b/devices/CAM3',
    ])
  })

  test.each([
    [['start', 'a.b']],
    [['start', 'a.b', 'CAM1', '--tag', 'x']],
    [['start', 'a.b', '--all', '--from', 'ids.txt']],
    [['start', 'a.b', 'CAM1', 'CAM2', '--journal', 'j']],
    [['install', 'a.b', 'CAM1', '--license-type', 'GOLD']],
    [['start', 'a.b', 'CAM1', '--concurrency', '0']],
  ])('are not guessed: %j is wrong usage and sends nothing', async (args) => {
    const platform = answering(() => installation)
    const cli = await openTestCli({ env, ...platform })
    expect(await cli.run(args)).toMatchObject({ code: 2, stdout: '' })
    expect(platform.calls).toEqual([])
  })
})

const counters = {
  ...{ total: 3, pending: 0, offline: 0, inFlight: 0, succeeded: 2, alreadyDone: 0, failed: 1 },
  ...{ rejected: 0, timedOut: 0, skipped: 0, cancelled: 0 },
}
const rollout = {
  ...{ rolloutId: 'r1', name: 'n', state: 'COMPLETED', wave: 1, waves: [{}], counters, reason: null },
  ...{ devices: { keepOpen: false }, schedule: {}, requireApproval: false, approvedBy: null },
}

describe('a rollout', () => {
  it('is made of flags as the API names them', async () => {
    let sent: unknown
    const platform = answering(({ body }) => {
      sent = body
      return Response.json(rollout, { status: 201 })
    })
    const cli = await openTestCli({ env, ...platform })
    const flags = ['--action', 'install', '--app', 'a.b', '--tag', 'x', '--keep-open', '--waves', '5,100%']
    const more = ['--min-success', '90', '--window', '22:00-05:00', '--days', 'mon,tue', '--abort-percent', '10']
    expect(await cli.run(['rollout', 'create', ...flags, ...more])).toMatchObject({ code: 0 })
    expect(sent).toEqual({
      ...{ name: 'install a.b', action: 'INSTALL', appId: 'a.b', licenseType: 'FULL' },
      devices: { filter: { tag: 'x' }, keepOpen: true },
      strategy: {
        waves: [
          { percent: 5, minSuccessPercent: 90 },
          { percent: 100, minSuccessPercent: 90 },
        ],
        abort: [{ on: 'ALL', percent: 10 }],
      },
      schedule: { window: { from: '22:00', to: '05:00', days: ['MON', 'TUE'] } },
    })
  })

  it('comes whole from a file', async () => {
    let sent: unknown
    const platform = answering(({ body }) => {
      sent = body
      return Response.json(rollout, { status: 201 })
    })
    const cli = await openTestCli({ env, ...platform })
    const request = { name: 'n', action: 'STOP', appId: 'a.b', devices: { deviceIds: ['CAM1'] } }
    await writeFile(join(cli.folder, 'r.json'), JSON.stringify(request))
    expect(await cli.run(['rollout', 'create', '--file', 'r.json'])).toMatchObject({ code: 0 })
    expect(sent).toEqual(request)
  })

  it('that was watched ends with 1 when devices failed', async () => {
    const stream = new Response(`id: 1\ndata: ${JSON.stringify(rollout)}\n\n`, {
      headers: { 'content-type': 'text/event-stream' },
    })
    const cli = await openTestCli({ env, ...answering(() => stream) })
    const run = await cli.run(['rollout', 'watch', '08d2f4c1-0000-4000-8000-000000000000'])
    expect(run.code).toBe(1)
    expect(run.stdout).toContain('3: 2 succeeded, 1 failed')
  })

  it('tells with --dry-run what it would do, and ends with 1 when a device is not ready', async () => {
    const group = { verdict: 'NO', reason: 'incompatible', detail: 'Wrong.', count: 1, deviceIds: ['CAM9'] }
    const preflight = { total: 3, ready: 2, units: { needed: 2, free: 1, missing: 1 }, groups: [group] }
    const cli = await openTestCli({ env, ...answering(() => preflight) })
    const args = ['rollout', 'create', 'CAM1', '--action', 'stop', '--app', 'a.b', '--dry-run']
    const run = await cli.run(args)
    expect(run.code).toBe(1)
    expect(run.stdout).toContain('CAM9')
  })

  test.each([
    [['--action', 'install', '--tag', 'x']],
    [['--action', 'install', '--app', 'a.b', '--tag', 'x', '--waves', '5,x']],
    [['--action', 'install', '--app', 'a.b', '--tag', 'x', '--days', 'MON']],
    [['--action', 'install', '--app', 'a.b', '--tag', 'x', '--window', 'night']],
    [['CAM1', '--action', 'install', '--app', 'a.b', '--keep-open']],
    [['--action', 'install', '--app', 'a.b']],
    [['--file', 'missing.json']],
  ])('that contradicts itself is wrong usage: %j', async (args) => {
    const platform = answering(() => rollout)
    const cli = await openTestCli({ env, ...platform })
    expect(await cli.run(['rollout', 'create', ...args])).toMatchObject({ code: 2 })
    expect(platform.calls).toEqual([])
  })
})
