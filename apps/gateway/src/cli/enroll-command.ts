import { hostname } from 'node:os'
import { enroll } from '../platform/enroll.ts'
import { readEnrollmentToken } from '../platform/enrollment-token.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { openStateFolder } from '../state/state-folder.ts'
import type { CommandContext } from './command-context.ts'

export interface EnrollFlags {
  platform: string
  token?: string
  name?: string
  replace?: boolean
}

export async function enrollCommand(flags: EnrollFlags, context: CommandContext): Promise<void> {
  const { env, home, version, signal, print, say } = context
  const token = flags.token ?? env.OCELLI_ENROLLMENT_TOKEN
  if (!token) throw new GatewayError('invalid-input', 'Give the enrollment token: --token, or OCELLI_ENROLLMENT_TOKEN.')
  const { replaces } = readEnrollmentToken(token)
  const folder = await openStateFolder(home)
  const name = flags.name ?? hostname()
  const identity = await enroll({
    folder,
    platformUrl: flags.platform,
    token,
    name,
    version,
    env,
    signal,
    replace: flags.replace,
  })
  print(identity.gatewayId)
  say(`This is gateway ${identity.gatewayId} of site ${identity.siteId} now. Its state lies in ${folder.path}.`)
  if (replaces)
    say(
      `The cameras of gateway ${replaces} are its own now. Passwords did not come along: add each again, or use ocelli gateways reseal.`,
    )
  say('Start it with: ocelli-gateway run')
}
