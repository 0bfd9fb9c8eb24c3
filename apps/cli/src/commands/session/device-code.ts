import { type Client, type DeviceAuthorization, isOcelliError, type TokenAnswer } from '@ocelli/sdk'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { StoredCredentials } from '../../profile/profile-store.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8628, 3.5: `slow_down` */
const slowerByMs = 5_000

/** Shows a code, and waits until a person has approved it in a browser, on this machine or another. */
export async function withDeviceCode(
  client: Client,
  { browser }: { browser: boolean },
  context: CommandContext,
): Promise<StoredCredentials> {
  const { hostName, say, progress, openBrowser } = context
  const asked = await client.auth.beginDeviceSignIn(`ocelli on ${hostName}`.slice(0, 200))
  say(`Open  ${asked.verification_uri}  and enter the code  ${asked.user_code}`)
  say(`or open  ${asked.verification_uri_complete}`)
  if (browser && openBrowser && isWebAddress(asked.verification_uri_complete)) {
    say('Your browser opens it now; with --no-browser it does not.')
    openBrowser(asked.verification_uri_complete)
  }
  const { access_token: token, token_id: tokenId } = await progress.run('Waiting for you to approve', () =>
    waitForToken(client, asked, context),
  )
  return { kind: 'token', token, tokenId: tokenId ?? null }
}

/** What a platform names is opened only where a browser would follow it as a link. */
const isWebAddress = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)

async function waitForToken(
  { auth }: Client,
  { device_code: deviceCode, interval, expires_in: lifeSeconds }: DeviceAuthorization,
  { clock, signal }: CommandContext,
): Promise<TokenAnswer> {
  const endsAtMs = clock.monotonicMs() + lifeSeconds * 1000
  for (let pauseMs = interval * 1000; clock.monotonicMs() < endsAtMs; ) {
    await clock.wait(pauseMs, signal)
    signal.throwIfAborted()
    try {
      return await auth.token({ grant_type: grantType, device_code: deviceCode })
    } catch (error) {
      if (!isOcelliError(error)) throw error
      if (error.code === 'slow-down') pauseMs += slowerByMs
      else if (error.code === 'access-denied') throw new CliError('not-signed-in', 'It was refused in the browser.')
      else if (error.code === 'expired-token') break
      else if (error.code !== 'authorization-pending') throw error
    }
  }
  throw new CliError('not-signed-in', 'Nobody has approved in time. Begin again with: ocelli login')
}
