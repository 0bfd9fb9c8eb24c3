import type { IssuedTechnicalUser } from '@ocelli/sdk'
import { projectIdOf } from '../../by-name.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { toPermissions } from '../people/permissions.ts'

export interface NewTechnicalUserFlags {
  permission: string[]
  project: string[]
}

export async function listTechnicalUsers({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).technicalUsers.list(),
    [
      { heading: 'CLIENT ID', value: ({ clientId }) => clientId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'PROJECTS', value: ({ projectIds }) => projectIds ?? 'whole account' },
      { heading: 'LAST USED', value: ({ lastUsedAt }) => lastUsedAt ?? 'never' },
      { heading: 'PERMISSIONS', value: ({ permissions }) => permissions },
    ],
    { empty: 'No technical users yet. Make one with: ocelli technical-users create' },
  )
}

export async function createTechnicalUser(
  name: string,
  { permission, project }: NewTechnicalUserFlags,
  context: CommandContext,
): Promise<void> {
  if (permission.length === 0) throw wrongUsage('Say what it may do with --permission; see: ocelli permissions')
  const permissions = toPermissions(permission)
  const client = await context.client()
  const projectIds: string[] = []
  for (const asked of project) projectIds.push(await projectIdOf(asked, client))
  const made = await client.technicalUsers.create({
    ...{ name, permissions },
    projectIds: projectIds.length > 0 ? projectIds : null,
  })
  showSecret(made, context)
}

export async function renewSecret(clientId: string, context: CommandContext): Promise<void> {
  await context.confirm(`Give ${clientId} a new secret? The old one ends at once.`)
  showSecret(await (await context.client()).technicalUsers.renewSecret(clientId), context)
}

export async function removeTechnicalUser(clientId: string, { client, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Remove the technical user ${clientId}? What signs in with it is refused from then on.`)
  await (await client()).technicalUsers.remove(clientId)
  out.done({ clientId, removed: true }, `${clientId} is removed.`)
}

function showSecret(made: IssuedTechnicalUser, { out, say }: CommandContext): void {
  out.one(made, [
    ['client id', made.clientId],
    ['client secret', made.clientSecret],
    ['permissions', made.permissions],
    ['projects', made.projectIds ?? 'whole account'],
  ])
  if (!out.isJson)
    say('Keep the secret now: it is not shown again. Set OCELLI_CLIENT_ID and OCELLI_CLIENT_SECRET to use it.')
}
