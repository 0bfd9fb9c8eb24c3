import { describe, expect, it, test } from 'vitest'
import { answering, openTestCli, problem, signedIn } from '../test/test-io.ts'

const device = { deviceId: 'CAM1', name: 'Gate', tags: ['a', 'b'], manufacturer: 'AXIS', model: 'M1' }
const page = { items: [device], page: 0, size: 1000, nextCursor: null, total: null }

describe('a command', () => {
  it('prints a table for people and nothing else on stdout', async () => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => page) })
    const { code, stdout, stderr } = await cli.run(['devices', 'list'])
    expect(stdout.split('\n')[0]).toMatch(/^DEVICE +NAME +MODEL/)
    expect(stdout.split('\n')[1]).toMatch(/^CAM1 +Gate +AXIS M1/)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it("prints the API's own objects with --json, before or behind the command", async () => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => page) })
    for (const args of [
      ['--json', 'devices', 'list'],
      ['devices', 'list', '--json'],
    ]) {
      const { stdout } = await cli.run(args)
      expect(JSON.parse(stdout)).toEqual([device])
    }
  })

  it('prints an empty array for programs and a sentence on stderr for people', async () => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => ({ ...page, items: [] })) })
    expect(JSON.parse((await cli.run(['devices', 'list', '--json'])).stdout)).toEqual([])
    expect(await cli.run(['devices', 'list'])).toEqual({ code: 0, stdout: '', stderr: 'No devices match.\n' })
  })

  it('shows what could steer a terminal as text', async () => {
    const evil = { ...page, items: [{ ...device, name: '\u001b]0;owned\u0007\u202e' }] }
    const cli = await openTestCli({ env: signedIn, ...answering(() => evil) })
    const { stdout } = await cli.run(['devices', 'list'])
    expect(stdout).toContain('\\u001b]0;owned\\u0007\\u202e')
    expect(stdout).not.toContain('\u001b')
  })

  it('hands filters to the API as it names them', async () => {
    const platform = answering(() => page)
    const cli = await openTestCli({ env: signedIn, ...platform })
    await cli.run([
      'devices',
      'list',
      '--updatable',
      '--with-app',
      'com.example.a',
      '--search',
      'ga te',
      '--limit',
      '3',
    ])
    expect(platform.calls).toEqual([
      'GET /device/v1/devices?appsUpdatePossible=true&appId=com.example.a&q=ga+te&size=3',
    ])
  })

  it('takes limits of a site away with none', async () => {
    const site = '5172e000-0000-4000-8000-000000000001'
    const bodies: unknown[] = []
    const platform = answering(({ body }) => {
      bodies.push(body)
      return { siteId: site, addressRanges: [], budgetHours: [] }
    })
    const cli = await openTestCli({ env: signedIn, ...platform })
    const { code, stderr } = await cli.run(['sites', 'edit', site, '--download-rate', 'none', '--upload-rate', '20000'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(bodies).toEqual([{ downloadBytesPerSecond: null, uploadBytesPerSecond: 20_000 }])
  })

  it('follows the cursor until the limit', async () => {
    const platform = answering(({ url }) => ({
      ...page,
      items: [{ ...device, deviceId: url.searchParams.get('cursor') ?? 'first' }],
      nextCursor: url.searchParams.get('cursor') === null ? 'second' : 'third',
    }))
    const cli = await openTestCli({ env: signedIn, ...platform })
    const { stdout } = await cli.run(['devices', 'list', '--limit', '2', '--json'])
    expect((JSON.parse(stdout) as { deviceId: string }[]).map(({ deviceId }) => deviceId)).toEqual(['first', 'second'])
    expect(platform.calls).toHaveLength(2)
  })
})

describe('what goes wrong', () => {
  test.each([
    ['401', problem(401, 'unauthenticated'), 3, 'ocelli login'],
    ['403', problem(403, 'permission-missing', { requiredPermission: 'devices:view' }), 3, 'devices:view'],
    ['404', problem(404, 'not-found'), 4, 'not-found'],
    ['409', problem(409, 'licenses-held'), 6, '--keep-licenses'],
    [
      '400',
      problem(400, 'invalid-request', { errors: [{ pointer: '/q', code: 'x', detail: 'Too long.' }] }),
      2,
      '/q: Too long.',
    ],
    ['503', problem(503, 'unavailable'), 5, 'unavailable'],
  ])('is told with its remedy and request id, and has its own exit code: %s', async (_, answer, code, words) => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => answer.clone()) })
    const run = await cli.run(['devices', 'list', '--timeout', '0.2'])
    expect(run).toMatchObject({ code, stdout: '' })
    expect(run.stderr).toContain(words)
    expect(run.stderr).toContain('request r-1')
  })

  it('is one JSON object on stderr for programs', async () => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => problem(404, 'not-found')) })
    const { code, stdout, stderr } = await cli.run(['devices', 'show', 'X', '--json'])
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' })
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'not-found', status: 404, requestId: 'r-1', exitCode: 4 },
    })
  })

  it('is one JSON object for programs also when it is wrong usage', async () => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => page) })
    for (const args of [['devices', 'lst'], ['devices', 'list', '--tagg', 'x'], ['devices', 'show'], ['devices']]) {
      const { code, stdout, stderr } = await cli.run([...args, '--json'])
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'wrong-usage', exitCode: 2 } })
    }
  })

  it('comes with how it goes', async () => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => page) })
    const { stderr } = await cli.run(['devices', 'show'])
    expect(stderr).toBe(
      [
        "error: missing required argument 'device'",
        'Usage: ocelli devices show [options] <device>',
        'Such as: ocelli devices show ACCC8E123456',
        'More: ocelli devices show --help',
        '',
      ].join('\n'),
    )
  })

  test.each([
    [['devices', 'lost']],
    [['devices']],
    [['devices', 'list', '--tagg', 'x']],
    [['devices', 'list', '--state', 'GONE']],
    [['devices', 'list', '--limit', '0']],
    [['devices', 'show']],
    [['--timeout', '-1', 'whoami']],
  ])('is wrong usage: %j', async (args) => {
    const platform = answering(() => page)
    const cli = await openTestCli({ env: signedIn, ...platform })
    const run = await cli.run(args)
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).not.toBe('')
    expect(platform.calls).toEqual([])
  })

  it('is asked about before, and refused where nobody can be asked', async () => {
    const platform = answering(() => new Response(null, { status: 204 }))
    const cli = await openTestCli({ env: signedIn, ...platform })
    expect(await cli.run(['devices', 'unclaim', 'CAM1'])).toMatchObject({ code: 2 })
    const prompt = { text: async () => '', secret: async () => '', confirm: async () => false }
    expect(await cli.run(['devices', 'unclaim', 'CAM1'], { prompt })).toMatchObject({ code: 130 })
    expect(platform.calls).toEqual([])
    expect(await cli.run(['devices', 'unclaim', 'CAM1', '--yes'])).toMatchObject({ code: 0 })
    expect(platform.calls).toEqual(['DELETE /device/v1/devices/CAM1'])
  })
})
