import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
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

const me = {
  kind: 'technical-user',
  id: 'bot',
  permissions: [],
  projectIds: null,
  user: null,
  account: { name: 'Acme' },
}
const people = { 'POST /auth/v1/people/sign-in/email': { email: 'a@b.c', name: 'Ann' }, 'GET /account/v1/me': me }

describe('signing in', () => {
  it('keeps secrets in a file that only its owner can read, and uses them from then on', async () => {
    const seen: (string | null)[] = []
    const platform = answering(({ route, headers }) => {
      seen.push(headers.get('authorization'))
      return route === 'POST /auth/v1/token' ? { access_token: 'short', token_type: 'Bearer', expires_in: 600 } : me
    })
    const cli = await openTestCli(platform)
    const login = ['login', '--url', 'https://ocelli.test/', '--client-id', 'bot', '--profile', 'ci']
    expect(await cli.run(login, { env: { OCELLI_CLIENT_SECRET: 's3cret' } })).toMatchObject({ code: 0, stdout: '' })
    const file = join(cli.folder, 'config', 'profiles.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(cli.folder, 'config'))).mode & 0o777).toBe(0o700)
    expect(await readFile(file, 'utf8')).toContain('s3cret')
    expect(await cli.run(['whoami'])).toMatchObject({ code: 0, stderr: '' })
    expect(seen.at(-1)).toBe('Bearer short')
    expect((await cli.run(['profiles', 'list', '--json'])).stdout).not.toContain('s3cret')
  })

  it('changes nothing when the platform refuses', async () => {
    const refused = Response.json({ error: 'invalid_client', error_description: 'Wrong.' }, { status: 401 })
    const cli = await openTestCli(answering(() => refused.clone()))
    const login = ['login', '--url', 'https://ocelli.test', '--client-id', 'bot']
    expect(await cli.run(login, { env: { OCELLI_CLIENT_SECRET: 'wrong' } })).toMatchObject({ code: 3 })
    expect(await cli.run(['whoami'])).toMatchObject({ code: 3 })
  })

  it('takes a password only to make a token of its own, which signing out revokes', async () => {
    const platform = answering(({ route }) =>
      route === 'POST /account/v1/access-tokens'
        ? { token: 'ocp_made', tokenId: 't-1' }
        : route in people
          ? people[route as keyof typeof people]
          : new Response(null, { status: 204 }),
    )
    const cli = await openTestCli(platform)
    const run = await cli.run(['login', '--url', 'https://ocelli.test', '--email', 'a@b.c'], {
      env: { OCELLI_PASSWORD: 'pass word' },
    })
    expect(run).toMatchObject({ code: 0 })
    expect(await readFile(join(cli.folder, 'config', 'profiles.json'), 'utf8')).not.toContain('pass word')
    expect(await cli.run(['logout'])).toMatchObject({ code: 0 })
    expect(platform.calls).toEqual([
      'POST /auth/v1/people/sign-in/email',
      'POST /account/v1/access-tokens',
      'POST /auth/v1/people/sign-out',
      'GET /account/v1/me',
      'DELETE /account/v1/access-tokens/t-1',
    ])
    expect(await cli.run(['whoami'])).toMatchObject({ code: 3 })
  })

  it("sends a profile's secrets to no other platform", async () => {
    const platform = answering(() => me)
    const cli = await openTestCli(platform)
    await cli.run(['login', '--url', 'https://ocelli.test', '--token'], { env: { OCELLI_TOKEN: 'ocp_x' } })
    platform.calls.length = 0
    expect(await cli.run(['whoami', '--url', 'https://other.test'])).toMatchObject({ code: 3 })
    expect(await cli.run(['whoami'], { env: { OCELLI_URL: 'https://other.test' } })).toMatchObject({ code: 3 })
    expect(platform.calls).toEqual([])
    expect(await cli.run(['whoami', '--url', 'ocelli.test'])).toMatchObject({ code: 0 })
  })
})

describe('credentials of the environment', () => {
  const whole = { OCELLI_URL: 'https://ocelli.test', OCELLI_CLIENT_ID: 'bot', OCELLI_CLIENT_SECRET: 's3cret' }
  const { OCELLI_URL: _url, ...withoutUrl } = whole
  const cases: [string, Record<string, string>, string | null][] = [
    ['an id and a secret', withoutUrl, 'OCELLI_URL'],
    ['a token', { OCELLI_TOKEN: 'ocp_other' }, 'OCELLI_URL'],
    ['an id', { OCELLI_CLIENT_ID: 'bot' }, 'OCELLI_CLIENT_SECRET and OCELLI_URL'],
    ['an id and an address', { OCELLI_CLIENT_ID: 'bot', OCELLI_URL: 'https://ocelli.test' }, 'OCELLI_CLIENT_SECRET'],
    ['a secret', { OCELLI_CLIENT_SECRET: 's3cret' }, null],
  ]

  async function platform() {
    const seen: (string | null)[] = []
    const fake = answering(({ route, headers }) => {
      seen.push(headers.get('authorization'))
      return route === 'POST /auth/v1/token' ? { access_token: 'of-bot', token_type: 'Bearer', expires_in: 600 } : me
    })
    return { seen, cli: await openTestCli(fake) }
  }

  test.each(cases)('that are %s are not used where there is a profile, and that is said', async (_, env, missing) => {
    const { cli, seen } = await platform()
    await cli.run(['login', '--url', 'https://ocelli.test', '--token'], { env: { OCELLI_TOKEN: 'ocp_own' } })
    const { code, stderr } = await cli.run(['whoami'], { env })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        missing === null ? '' : expect.stringContaining(`not used without ${missing}. Using the profile default.`),
    })
    expect(seen.at(-1)).toBe('Bearer ocp_own')
  })

  test.each(cases)(
    'that are %s are not enough where there is no profile, and what is missing is named',
    async (...row) => {
      const [, env, missing] = row
      const { cli, seen } = await platform()
      const run = await cli.run(['whoami'], { env })
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(`set ${missing ?? 'OCELLI_CLIENT_ID'}`) })
      expect(seen).toEqual([])
    },
  )

  it('that are whole come before the current profile, and after the one that --profile names', async () => {
    const { cli, seen } = await platform()
    await cli.run(['login', '--url', 'https://ocelli.test', '--token'], { env: { OCELLI_TOKEN: 'ocp_own' } })
    expect(await cli.run(['whoami'], { env: whole })).toMatchObject({ code: 0, stderr: '' })
    expect(seen.at(-1)).toBe('Bearer of-bot')
    expect(await cli.run(['whoami', '--profile', 'default'], { env: whole })).toMatchObject({ code: 0, stderr: '' })
    expect(seen.at(-1)).toBe('Bearer ocp_own')
  })
})

describe('signing in by a browser', () => {
  const begun = {
    ...{ device_code: 'd', user_code: 'BCDF-GHJK', verification_uri: 'https://ocelli.test/device' },
    ...{ verification_uri_complete: 'https://ocelli.test/device?code=BCDF-GHJK', expires_in: 600, interval: 5 },
  }
  const refusal = (error: string) => Response.json({ error, error_description: `${error}.` }, { status: 400 })

  /** A platform that answers one question for the token after another, and the pauses before them. */
  async function play(
    answers: (() => unknown)[],
    { args = [], page = begun.verification_uri_complete }: { args?: string[]; page?: string } = {},
  ) {
    const opened: string[] = []
    const pausesMs: number[] = []
    const clock = {
      ...{ nowMs: () => Date.now(), monotonicMs: () => pausesMs.reduce((sum, ms) => sum + ms, 0) },
      wait: async (ms: number) => void pausesMs.push(ms),
      after: () => () => {},
    }
    const platform = answering(({ route }) => {
      if (route === 'POST /auth/v1/device-authorization') return { ...begun, verification_uri_complete: page }
      return route === 'POST /auth/v1/token' ? answers.shift()?.() : me
    })
    const cli = await openTestCli({ ...platform, clock, openBrowser: (url) => void opened.push(url) })
    return { cli, pausesMs, opened, run: await cli.run(['login', '--url', 'https://ocelli.test', ...args]) }
  }

  it('shows the code, waits as it is told, and keeps the token', async () => {
    const token = { access_token: 'ocp_made', token_type: 'Bearer', expires_in: 9, scope: '', token_id: 't-1' }
    const { cli, run, pausesMs } = await play([
      () => refusal('authorization_pending'),
      () => refusal('slow_down'),
      () => token,
    ])
    expect(run).toMatchObject({ code: 0, stdout: '' })
    expect(run.stderr).toContain('BCDF-GHJK')
    expect(pausesMs).toEqual([5000, 5000, 10_000])
    expect(JSON.parse(await readFile(join(cli.folder, 'config', 'profiles.json'), 'utf8'))).toMatchObject({
      profiles: { default: { credentials: { kind: 'token', token: 'ocp_made', tokenId: 't-1' } } },
    })
  })

  it('opens the page, unless it is told not to or the address is none of a page', async () => {
    const token = () => ({ access_token: 'ocp_made', token_type: 'Bearer', expires_in: 9, scope: '', token_id: 't-1' })
    expect((await play([token])).opened).toEqual([begun.verification_uri_complete])
    expect((await play([token], { args: ['--no-browser'] })).opened).toEqual([])
    expect((await play([token], { page: 'file:///etc/passwd' })).opened).toEqual([])
  })

  test.each(['access_denied', 'expired_token'])('ends with 3 on %s', async (error) => {
    expect((await play([() => refusal(error)])).run).toMatchObject({ code: 3, stdout: '' })
  })

  it('ends with 3 when nobody approves', async () => {
    const pending = Array.from({ length: 200 }, () => () => refusal('authorization_pending'))
    expect((await play(pending)).run).toMatchObject({ code: 3, stdout: '' })
  })
})

describe('an audit of licenses', () => {
  const order = { orderId: 'o-1', appId: 'a.b', licenseType: 'FULL', total: 5, used: 3, counted: 2, ok: false }
  const finding = { severity: 'ERROR', code: 'counter-wrong', detail: 'Counter says 3, counted 2.' }

  test.each([
    [{ orders: [{ ...order, counted: 3, ok: true }], findings: [], ok: true }, 0],
    [{ orders: [order], findings: [finding], ok: false }, 1],
  ])('ends by what was found', async (audit, code) => {
    const cli = await openTestCli({ env: signedIn, ...answering(() => audit) })
    const run = await cli.run(['licenses', 'audit'])
    expect(run.code).toBe(code)
    expect(run.stdout).toContain(audit.findings[0]?.detail ?? 'o-1')
    expect(JSON.parse((await cli.run(['licenses', 'audit', '--json'])).stdout)).toEqual(audit)
  })
})
