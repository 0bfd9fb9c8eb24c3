import type { ProjectDetail, ProjectPatch } from '@ocelli/sdk'
import { projectIdOf } from '../../by-name.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'

export async function listProjects({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).projects.list(),
    [
      { heading: 'PROJECT', value: ({ projectId }) => projectId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'MEMBERS', value: ({ memberCount }) => memberCount, align: 'right' },
      { heading: 'DEVICES', value: ({ deviceCount }) => deviceCount, align: 'right' },
      { heading: 'APPS', value: ({ appCount }) => appCount, align: 'right' },
      { heading: 'ABOUT', value: ({ description }) => description },
    ],
    { empty: 'No projects that you see. Make one with: ocelli projects create' },
  )
}

const fields = (project: ProjectDetail): [string, Cell][] => [
  ['project', project.projectId],
  ['name', project.name],
  ['about', project.description],
  ['devices', project.deviceCount],
  ['apps', project.appCount],
  ['members', project.members.map(({ email }) => email)],
  ['created', project.createdAt],
]

export async function showProject(asked: string, { client: connect, out }: CommandContext): Promise<void> {
  const client = await connect()
  const project = await client.projects.get(await projectIdOf(asked, client))
  out.one(project, fields(project))
}

export async function createProject(
  name: string,
  { description }: { description?: string },
  { client, out }: CommandContext,
): Promise<void> {
  const project = await (await client()).projects.create({ name, description })
  out.one(project, fields(project))
}

export async function editProject(
  asked: string,
  { name, description }: ProjectPatch,
  { client: connect, out }: CommandContext,
): Promise<void> {
  if (name === undefined && description === undefined) throw wrongUsage('Say what to change: --name or --description.')
  const client = await connect()
  const project = await client.projects.change(await projectIdOf(asked, client), { name, description })
  out.one(project, fields(project))
}

export async function removeProject(asked: string, { client: connect, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Remove the project ${asked}? Its devices and apps that are in no other are then seen by all.`)
  const client = await connect()
  const projectId = await projectIdOf(asked, client)
  await client.projects.remove(projectId)
  out.done({ projectId, removed: true }, `${asked} is removed. Its devices and apps stay.`)
}
