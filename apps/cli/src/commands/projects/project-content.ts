import { type Client, isOcelliError } from '@ocelli/sdk'
import { projectIdOf } from '../../by-name.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { readIds } from '../devices/select-devices.ts'

export interface ContentFlags {
  user: string[]
  device: string[]
  app: string[]
  devicesFrom?: string
}

interface Item {
  kind: 'user' | 'device' | 'app'
  id: string
}

const calls = {
  assign: { user: 'addMember', device: 'addDevice', app: 'addApp' },
  unassign: { user: 'removeMember', device: 'removeDevice', app: 'removeApp' },
} as const

/** Puts people, devices and apps into a project, or takes them out; one that is refused does not keep the others back. */
export async function changeContent(
  change: keyof typeof calls,
  { asked, flags }: { asked: string; flags: ContentFlags },
  context: CommandContext,
): Promise<ExitCode> {
  const devices = [...flags.device, ...(flags.devicesFrom ? await readIds(flags.devicesFrom, context) : [])]
  const wanted: Item[] = [
    ...flags.user.map((id) => ({ kind: 'user' as const, id })),
    ...devices.map((id) => ({ kind: 'device' as const, id })),
    ...flags.app.map((id) => ({ kind: 'app' as const, id })),
  ]
  if (wanted.length === 0) throw wrongUsage('Name at least one --user, --device or --app.')
  const client = await context.client()
  const projectId = await projectIdOf(asked, client)
  const results = []
  for (const item of wanted) results.push({ ...item, ...(await changeOne(client, { change, projectId, item })) })
  await context.out.list(results, [
    { heading: 'WHAT', value: ({ kind }) => kind },
    { heading: 'ID', value: ({ id }) => id },
    { heading: 'RESULT', value: ({ error }) => (error === null ? `${change}ed` : 'REFUSED') },
    { heading: 'WHY', value: ({ error }) => error?.detail },
  ])
  return results.some(({ error }) => error !== null) ? exitCodes.someFailed : exitCodes.ok
}

async function changeOne(
  { projects, users }: Client,
  { change, projectId, item: { kind, id } }: { change: keyof typeof calls; projectId: string; item: Item },
): Promise<{ error: { code: string; detail: string } | null }> {
  try {
    const realId = kind === 'user' && id.includes('@') ? await userIdOf(id, users) : id
    await projects[calls[change][kind]](projectId, realId)
    return { error: null }
  } catch (error) {
    if (!isOcelliError(error) || !['not-found', 'conflict', 'invalid-request'].includes(error.kind)) throw error
    return { error: { code: error.code, detail: error.message } }
  }
}

/** An e-mail address that nobody has is left as it is: the platform says that there is no such user. */
async function userIdOf(email: string, users: Client['users']): Promise<string> {
  const found = (await users.list()).find((user) => user.email === email.toLowerCase())
  return found?.userId ?? email
}
