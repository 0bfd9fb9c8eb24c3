import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { toPlatformUrl } from '../../profile/connection.ts'
import { newPassword } from '../session/new-password.ts'

export interface AcceptFlags {
  firstName: string
  lastName: string
}

export async function listInvitations({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).invitations.list(),
    [
      { heading: 'INVITATION', value: ({ invitationId }) => invitationId },
      { heading: 'E-MAIL', value: ({ email }) => email },
      { heading: 'STATE', value: ({ state }) => state },
      { heading: 'GOOD UNTIL', value: ({ expiresAt }) => expiresAt },
      { heading: 'PERMISSIONS', value: ({ permissions }) => permissions },
    ],
    { empty: 'Nobody is invited who has not joined. Invite with: ocelli users invite' },
  )
}

export async function revokeInvitation(invitationId: string, { client, out }: CommandContext): Promise<void> {
  await (await client()).invitations.revoke(invitationId)
  out.done({ invitationId, revoked: true }, `${invitationId} is revoked: its link lets nobody in any more.`)
}

/** By the invited person, who is not signed in yet. */
export async function acceptInvitation(
  given: string,
  { firstName, lastName }: AcceptFlags,
  context: CommandContext,
): Promise<void> {
  const { url, token } = readLink(given, context)
  const ca = context.flags.ca ?? (context.env.OCELLI_CA || null)
  const client = await context.clientOf({ url, ca, credentials: { kind: 'none' }, profile: null })
  const password = await newPassword(context)
  const user = await client.invitations.accept({ token, firstName, lastName, password })
  context.out.done(user, `Welcome. Sign in with: ocelli login --url ${url} --email ${user.email}`)
}

/** The link names the platform too: `<address of the platform>/invitation#<token>`. */
function readLink(given: string, { flags, env }: CommandContext): { url: string; token: string } {
  const [, base, inLink] = /^(https?:\/\/.+)\/invitation#(.+)$/.exec(given) ?? []
  const token = inLink ?? given
  if (token.includes('/')) throw wrongUsage(`"${given}" is no link of an invitation: it ends with /invitation#...`)
  const url = flags.url ?? base ?? (env.OCELLI_URL || undefined)
  if (!url) throw wrongUsage('Say which platform it is: give the whole link, or --url.')
  return { url: toPlatformUrl(url), token }
}
