import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { answering, openTestCli, technicalUser } from '../../../test/test-io.ts'

const people = {
  'POST /auth/v1/people/sign-in/email': { email: 'a@b.c', name: 'Ann' },
  'GET /account/v1/me': technicalUser,
}

describe('signing in', () => {
  it('keeps secrets in a file that only its owner can read, and uses them from then on', async () => {
    const seen: (string | null)[] = []
    const platform = answering(({ route, headers }) => {
      seen.push(headers.get('authorization'))
      return route === 'POST /auth/v1/token'
        ? { access_token: 'short', token_type: 'Bearer', expires_in: 600 }
        : technicalUser
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
    const platform = answering(() => technicalUser)
    const cli = await openTestCli(platform)
    await cli.run(['login', '--url', 'https://ocelli.test', '--token'], { env: { OCELLI_TOKEN: 'ocp_x' } })
    platform.calls.length = 0
    expect(await cli.run(['whoami', '--url', 'https://other.test'])).toMatchObject({ code: 3 })
    expect(await cli.run(['whoami'], { env: { OCELLI_URL: 'https://other.test' } })).toMatchObject({ code: 3 })
    expect(platform.calls).toEqual([])
    expect(await cli.run(['whoami', '--url', 'ocelli.test'])).toMatchObject({ code: 0 })
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
      return route === 'POST /auth/v1/token' ? answers.shift()?.() : technicalUser
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
