import type { Generated } from 'kysely'
import type { GeneratedTime } from './time.ts'

interface ProjectTable {
  project_id: Generated<string>
  account_id: string
  name: string
  description: Generated<string>
  created_at: GeneratedTime
}

interface ProjectMemberTable {
  account_id: string
  project_id: string
  user_id: string
}

interface TechnicalUserProjectTable {
  account_id: string
  client_id: string
  project_id: string
}

interface ProjectDeviceTable {
  account_id: string
  project_id: string
  device_id: string
}

interface ProjectAppTable {
  account_id: string
  project_id: string
  app_id: string
}

/** Which users, machines, devices and apps are in which project. */
export interface ProjectTables {
  project: ProjectTable
  project_member: ProjectMemberTable
  technical_user_project: TechnicalUserProjectTable
  project_device: ProjectDeviceTable
  project_app: ProjectAppTable
}
