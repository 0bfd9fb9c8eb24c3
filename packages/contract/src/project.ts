import { type Static, Type } from 'typebox'
import { Name, Timestamp, Uuid } from './schema.ts'

export const Project = Type.Object(
  {
    projectId: Uuid,
    name: Type.String(),
    description: Type.String(),
    memberCount: Type.Integer(),
    deviceCount: Type.Integer(),
    appCount: Type.Integer(),
    createdAt: Timestamp,
  },
  { $id: 'Project' },
)
export type Project = Static<typeof Project>

export const ProjectDetail = Type.Object(
  {
    ...Project.properties,
    members: Type.Array(
      Type.Object({ userId: Uuid, email: Type.String(), firstName: Type.String(), lastName: Type.String() }),
    ),
  },
  { $id: 'ProjectDetail' },
)
export type ProjectDetail = Static<typeof ProjectDetail>

const ProjectDescription = Type.String({ maxLength: 2000 })

export const NewProject = Type.Object(
  { name: Name, description: Type.Optional(ProjectDescription) },
  { additionalProperties: false },
)
export type NewProject = Static<typeof NewProject>

export const ProjectPatch = Type.Object(
  { name: Type.Optional(Name), description: Type.Optional(ProjectDescription) },
  { additionalProperties: false, minProperties: 1 },
)
export type ProjectPatch = Static<typeof ProjectPatch>
