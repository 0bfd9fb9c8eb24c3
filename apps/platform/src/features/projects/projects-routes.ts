import { AppId, DeviceId, NewProject, Project, ProjectDetail, ProjectPatch, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, type Context, created, noContent, ok, route } from '../../platform/http/route.ts'
import { createProjectContentsService } from './project-contents-service.ts'
import { createProjectsService } from './projects-service.ts'

const ByProject = Type.Object({ projectId: Uuid })
const viewed = { access: 'signed-in', tag: 'Projects', description: 'Needs projects:view or projects:manage.' } as const
const edited = { access: 'signed-in', tag: 'Projects', description: 'Needs projects:edit or projects:manage.' } as const
const one = { path: '/account/v1/projects/:projectId', params: ByProject } as const

export function projectRoutes(deps: { forget: () => void }): AnyRoute[] {
  const service = createProjectsService(deps)
  return [
    route({
      ...viewed,
      method: 'GET',
      path: '/account/v1/projects',
      summary: 'List own projects; all of the account with projects:manage',
      responses: { 200: Type.Array(Project) },
      handle: async ({ context }) => ok(await service.list(context)),
    }),
    route({
      ...edited,
      method: 'POST',
      path: '/account/v1/projects',
      summary: 'Create a project, with oneself as its first member',
      body: NewProject,
      responses: { 201: ProjectDetail },
      handle: async ({ context, body }) => created(await service.create(context, body)),
    }),
    route({
      ...viewed,
      ...one,
      method: 'GET',
      summary: 'Get a project and its members',
      responses: { 200: ProjectDetail },
      handle: async ({ context, params }) => ok(await service.get(context, params.projectId)),
    }),
    route({
      ...edited,
      ...one,
      method: 'PATCH',
      summary: 'Rename or describe a project',
      body: ProjectPatch,
      responses: { 200: ProjectDetail },
      handle: async ({ context, params, body }) => ok(await service.change(context, params.projectId, body)),
    }),
    route({
      ...edited,
      ...one,
      method: 'DELETE',
      summary: 'Remove a project; its devices and apps stay',
      responses: { 204: null },
      handle: async ({ context, params }) => {
        await service.remove(context, params.projectId)
        return noContent()
      },
    }),
    ...contentRoutes(deps),
  ]
}

const memberParams = Type.Object({ projectId: Uuid, userId: Uuid })
const deviceParams = Type.Object({ projectId: Uuid, deviceId: DeviceId })
const appParams = Type.Object({ projectId: Uuid, appId: AppId })

function contentRoutes(deps: { forget: () => void }): AnyRoute[] {
  const contents = createProjectContentsService(deps)
  const member = { ...edited, path: '/account/v1/projects/:projectId/members/:userId', params: memberParams } as const
  const device = {
    access: 'devices:assign',
    tag: 'Projects',
    path: '/account/v1/projects/:projectId/devices/:deviceId',
    params: deviceParams,
  } as const
  const app = {
    access: 'apps:assign',
    tag: 'Projects',
    path: '/account/v1/projects/:projectId/apps/:appId',
    params: appParams,
  } as const
  const done =
    <Params>(deed: (context: Context, params: Params) => Promise<void>) =>
    async ({ context, params }: { context: Context; params: Params }) => {
      await deed(context, params)
      return noContent()
    }
  const responses = { 204: null }
  return [
    route({ ...member, method: 'PUT', summary: 'Add a member', responses, handle: done(contents.addMember) }),
    route({ ...member, method: 'DELETE', summary: 'Remove a member', responses, handle: done(contents.removeMember) }),
    route({ ...device, method: 'PUT', summary: 'Add a device', responses, handle: done(contents.addDevice) }),
    route({ ...device, method: 'DELETE', summary: 'Remove a device', responses, handle: done(contents.removeDevice) }),
    route({ ...app, method: 'PUT', summary: 'Add an app', responses, handle: done(contents.addApp) }),
    route({ ...app, method: 'DELETE', summary: 'Remove an app', responses, handle: done(contents.removeApp) }),
  ]
}
