import type { NewProject, Project, ProjectDetail, ProjectPatch } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

const one = '/account/v1/projects/{projectId}'

/** Named sets of users, devices and apps. */
export const projectMethods = (api: Api) => {
  return {
    list: api.route(
      'GET /account/v1/projects',
      (send) =>
        (options?: CallOptions): Promise<Project[]> =>
          send.list({}, options),
    ),
    create: api.route(
      'POST /account/v1/projects',
      (send) =>
        (project: NewProject, options?: CallOptions): Promise<ProjectDetail> =>
          send.json({ json: project }, options),
    ),
    get: api.route(
      `GET ${one}`,
      (send) =>
        (projectId: string, options?: CallOptions): Promise<ProjectDetail> =>
          send.json({ params: { projectId } }, options),
    ),
    change: api.route(
      `PATCH ${one}`,
      (send) =>
        (projectId: string, patch: ProjectPatch, options?: CallOptions): Promise<ProjectDetail> =>
          send.json({ params: { projectId }, json: patch }, options),
    ),
    /** Its devices and apps stay. */
    remove: api.route(
      `DELETE ${one}`,
      (send) =>
        (projectId: string, options?: CallOptions): Promise<void> =>
          send.nothing({ params: { projectId } }, options),
    ),
    ...contentMethods(api),
  }
}

const contentMethods = (api: Api) => ({
  addMember: api.route(
    `PUT ${one}/members/{userId}`,
    (send) =>
      (projectId: string, userId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { projectId, userId } }, options),
  ),
  removeMember: api.route(
    `DELETE ${one}/members/{userId}`,
    (send) =>
      (projectId: string, userId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { projectId, userId } }, options),
  ),
  addDevice: api.route(
    `PUT ${one}/devices/{deviceId}`,
    (send) =>
      (projectId: string, deviceId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { projectId, deviceId } }, options),
  ),
  removeDevice: api.route(
    `DELETE ${one}/devices/{deviceId}`,
    (send) =>
      (projectId: string, deviceId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { projectId, deviceId } }, options),
  ),
  addApp: api.route(
    `PUT ${one}/apps/{appId}`,
    (send) =>
      (projectId: string, appId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { projectId, appId } }, options),
  ),
  removeApp: api.route(
    `DELETE ${one}/apps/{appId}`,
    (send) =>
      (projectId: string, appId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { projectId, appId } }, options),
  ),
})
