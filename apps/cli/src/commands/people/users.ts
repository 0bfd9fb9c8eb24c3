import type { User } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'
import { toPermissions } from './permissions.ts'

export interface EditUserFlags {
  permission: string[]
  addPermission: string[]
  removePermission: string[]
  firstName?: string
  lastName?: string
}

export async function listUsers({ client, out }: CommandContext): Promise<void> {
  await out.list(await (await client()).users.list(), [
    { heading: 'USER', value: ({ userId }) => userId },
    { heading: 'E-MAIL', value: ({ email }) => email },
    { heading: 'NAME', value: nameOf },
    { heading: 'PERMISSIONS', value: ({ permissions }) => permissions },
  ])
}

const nameOf = ({ firstName, lastName }: User): string => `${firstName} ${lastName}`.trim()

const fields = (user: User): [string, Cell][] => [
  ['user', user.userId],
  ['e-mail', user.email],
  ['name', nameOf(user)],
  ['permissions', user.permissions],
  ['projects', user.projectIds],
  ['joined', user.createdAt],
]

export async function showUser(userId: string, { client, out }: CommandContext): Promise<void> {
  const user = await (await client()).users.get(userId)
  out.one(user, fields(user))
}

export async function inviteUser(email: string, names: string[], { client, out, say }: CommandContext): Promise<void> {
  if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw wrongUsage(`"${email}" is no e-mail address.`)
  const made = await (await client()).invitations.create({ email, permissions: toPermissions(names) })
  out.text(made, made.link)
  if (!out.isJson) say(`Hand this link to ${made.email}; it is good until ${made.expiresAt}.`)
}

export async function editUser(userId: string, flags: EditUserFlags, { client, out }: CommandContext): Promise<void> {
  const { permission, addPermission, removePermission, firstName, lastName } = flags
  const changesSome = addPermission.length > 0 || removePermission.length > 0
  if (permission.length > 0 && changesSome) {
    throw wrongUsage(
      'Give either all permissions with --permission, or some with --add-permission and --remove-permission.',
    )
  }
  if (permission.length === 0 && !changesSome && firstName === undefined && lastName === undefined) {
    throw wrongUsage('Say what to change, such as --add-permission; see: ocelli users edit --help')
  }
  const anew = toPermissions(permission)
  const [more, less] = [toPermissions(addPermission), toPermissions(removePermission)]
  const { users } = await client()
  const before = changesSome ? (await users.get(userId)).permissions : anew
  const permissions = [...new Set([...before, ...more])].filter((one) => !less.includes(one))
  const user = await users.change(userId, {
    ...{ firstName, lastName },
    ...(anew.length > 0 || changesSome ? { permissions } : {}),
  })
  out.one(user, fields(user))
}

export async function removeUser(userId: string, { client, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Remove the user ${userId}?`)
  await (await client()).users.remove(userId)
  out.done({ userId, removed: true }, `${userId} is removed.`)
}
