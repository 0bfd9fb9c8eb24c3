import { describe, expect, it, test } from 'vitest'
import { answering, openTestCli, technicalUser } from '../../test/test-io.ts'

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
      return route === 'POST /auth/v1/token'
        ? { access_token: 'of-bot', token_type: 'Bearer', expires_in: 600 }
        : technicalUser
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
