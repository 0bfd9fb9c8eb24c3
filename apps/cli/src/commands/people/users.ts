import type { CommandContext } from '../../command-context.ts'
import { toPermissions } from './permissions.ts'

export async function listUsers({ client, out }: CommandContext): Promise<void> {
  await out.list(await (await client()).users.list(), [
    { heading: 'USER', value: ({ userId }) => userId },
    { heading: 'E-MAIL', value: ({ email }) => email },
    { heading: 'NAME', value: ({ firstName, lastName }) => `${firstName} ${lastName}`.trim() },
    { heading: 'PERMISSIONS', value: ({ permissions }) => permissions },
  ])
}

export async function inviteUser(email: string, names: string[], { client, out, say }: CommandContext): Promise<void> {
  const made = await (await client()).invitations.create({ email, permissions: toPermissions(names) })
  out.text(made, made.link)
  if (!out.isJson) say(`Hand this link to ${made.email}; it is good until ${made.expiresAt}.`)
}

export async function editUser(userId: string, names: string[], { client, out }: CommandContext): Promise<void> {
  const user = await (await client()).users.change(userId, { permissions: toPermissions(names) })
  out.one(user, [
    ['user', user.userId],
    ['e-mail', user.email],
    ['permissions', user.permissions],
  ])
}

export async function removeUser(userId: string, { client, confirm, out, say }: CommandContext): Promise<void> {
  await confirm(`Remove the user ${userId}?`)
  await (await client()).users.remove(userId)
  if (out.isJson) out.one({ userId, removed: true }, [])
  else say(`${userId} is removed.`)
}
