import type { CommandContext } from '../../command-context.ts'

export async function whoami({ connection, clientOf, out }: CommandContext): Promise<void> {
  const used = await connection()
  const me = await (await clientOf(used)).account.me()
  const { url, profile } = used
  out.one({ url, profile, ...me }, [
    ['platform', url],
    ['profile', profile ?? '(from the environment)'],
    ['identity', me.user ? [me.user.email, nameOf(me.user)].filter(Boolean).join(' ') : me.id],
    ['kind', me.kind],
    ['account', me.account.name],
    ['projects', me.projectIds === null ? 'all' : me.projectIds],
    ['permissions', me.permissions],
  ])
}

function nameOf({ firstName, lastName }: { firstName: string; lastName: string }): string {
  const name = `${firstName} ${lastName}`.trim()
  return name && `(${name})`
}
