import { findCamera } from '../cameras/find-camera.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { readPassword } from './camera-password.ts'
import type { CommandContext } from './command-context.ts'

export interface FirstUserFlags {
  address: string
  user: string
  passwordFile?: string
  allowLegacyTls?: boolean
}

/**
 * Gives a camera as it left the factory its first administrator. Nothing else does this: whoever sets the first password owns the
 * camera. The password goes only to the certificate that answered the probe.
 */
export async function firstUserCommand(flags: FirstUserFlags, context: CommandContext): Promise<void> {
  const { drivers, signal, say } = context
  const allowLegacyTls = flags.allowLegacyTls ?? false
  const { address, module, probe } = await findCamera(flags.address, { drivers, allowLegacyTls, signal })
  if (!module.createFirstUser) {
    const detail = `${probe.detail} Its first password cannot be set over ${module.name}: use the camera's own web page.`
    throw new GatewayError('camera-unsuitable', detail)
  }
  if (probe.needsFirstPassword === false) {
    throw new GatewayError('camera-unsuitable', `The camera at ${address} has a user already.`)
  }
  const credentials = { user: flags.user, password: await readPassword(flags, context) }
  const tls = { pinnedSha256: probe.certificate?.sha256 ?? null, allowLegacy: allowLegacyTls }
  await module.createFirstUser({ address, credentials, tls }, { signal })
  say(`The camera at ${address} has the administrator ${flags.user} now. Add it with: ocelli-gateway camera add`)
  if (address.startsWith('http:'))
    say('The password went there without encryption; change it if others share that network.')
}
