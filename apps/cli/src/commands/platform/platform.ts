import { X509Certificate } from 'node:crypto'
import { type Client, isOcelliError } from '@ocelli/sdk'
import { CliError } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { type Connection, toPlatformUrl } from '../../profile/connection.ts'
import { readShownCa } from '../../profile/trusted-ca.ts'

/** These routes are open: an address is enough, also before anybody has signed in. */
async function open({ connection, clientOf, flags, env }: CommandContext): Promise<{ url: string; client: Client }> {
  const asked = flags.url ?? (flags.profile === undefined ? env.OCELLI_URL || undefined : undefined)
  const found: Connection =
    asked === undefined
      ? await connection()
      : {
          ...{ url: toPlatformUrl(asked), ca: flags.ca ?? (env.OCELLI_CA || null) },
          ...{ credentials: { kind: 'none' }, profile: null },
        }
  return { url: found.url, client: await clientOf(found, { maxAttempts: 2 }) }
}

/** 5 when something that the platform needs does not answer. */
export async function showHealth(context: CommandContext): Promise<ExitCode> {
  const { client, url } = await open(context)
  const live = await client.system.live()
  const { status, checks } = await client.system.ready()
  context.out.one({ url, live: live.status, ready: status, checks }, [
    ['platform', url],
    ['process', live.status],
    ['ready', status],
    ...Object.entries(checks),
  ])
  return status === 'ready' ? exitCodes.ok : exitCodes.unavailable
}

export async function showLicenseKeys(context: CommandContext): Promise<void> {
  const { keys } = await (await open(context)).client.system.licenseKeys()
  context.out.text({ keys }, JSON.stringify({ keys }, null, 2))
}

export async function showCa(context: CommandContext): Promise<void> {
  const { client, url } = await open(context)
  const { pem, isTrusted } = await readCa(client, { url, signal: context.signal })
  const fingerprint = fingerprintOf(pem, url)
  context.out.text({ pem, fingerprint, trusted: isTrusted }, pem.trimEnd())
  context.say(`SHA-256 ${fingerprint}`)
  if (isTrusted) return
  context.say(
    'This came from the server itself and is not trusted here. Compare it with what the platform printed when it',
  )
  context.say(`started; if it is the same, sign in with: ocelli login --url ${url} --ca ${fingerprint}`)
}

/** Of a server that is not trusted yet only what it shows before anything is sent to it. */
async function readCa(
  { system }: Client,
  { url, signal }: { url: string; signal: AbortSignal },
): Promise<{ pem: string; isTrusted: boolean }> {
  try {
    return { pem: await system.caCertificate(), isTrusted: true }
  } catch (error) {
    if (!isOcelliError(error, { code: 'certificate-refused' })) throw error
    return { pem: await readShownCa(url, signal), isTrusted: false }
  }
}

export async function showMetrics(context: CommandContext): Promise<void> {
  const text = await (await context.client()).system.metrics()
  context.out.text({ text }, text.trimEnd())
}

function fingerprintOf(pem: string, url: string): string {
  try {
    return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
  } catch (cause) {
    throw new CliError('not-trusted', `${url} gives no certificate where a platform has its CA. Check the address.`, {
      cause,
    })
  }
}
