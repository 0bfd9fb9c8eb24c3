import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { toPlatformUrl } from '../../profile/connection.ts'
import { checkProfileName, defaultProfile } from '../../profile/profile-store.ts'
import { findTrustedCa } from '../../profile/trusted-ca.ts'

export interface Place {
  url: string
  /** PEM */
  ca: string | null
}

/** Which profile, and where to: as asked, or again where this profile was before. A CA that is named by its fingerprint is kept as a whole. */
export async function findPlace({
  flags,
  env,
  cwd,
  profiles,
  signal,
}: CommandContext): Promise<{ name: string; place: Place }> {
  const name = checkProfileName(flags.profile ?? (env.OCELLI_PROFILE || defaultProfile))
  const known = (await profiles.read()).profiles[name]
  const asked = flags.url ?? (env.OCELLI_URL || known?.url)
  if (!asked) throw wrongUsage('Say which platform: --url https://ocelli.example.com')
  const url = toPlatformUrl(asked)
  const ca = flags.ca ?? (env.OCELLI_CA || (known?.url === url ? known.ca : null))
  return { name, place: { url, ca: ca ? await findTrustedCa(ca, { url, cwd, signal }) : null } }
}
