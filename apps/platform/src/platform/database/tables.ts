import type { AccountTables } from './tables/accounts.ts'
import type { DeviceTables } from './tables/devices.ts'
import type { InstallationTables } from './tables/installations.ts'
import type { InstanceTables } from './tables/instance.ts'
import type { LicenseTables } from './tables/licenses.ts'
import type { OfflineTables } from './tables/offline.ts'
import type { ProjectTables } from './tables/projects.ts'
import type { SiteTables } from './tables/sites.ts'
import type { StoreTables } from './tables/store.ts'

/** The rows of all tables that Kysely's queries name; tables that raw SQL alone touches are not here. */
export interface Tables
  extends AccountTables,
    ProjectTables,
    SiteTables,
    DeviceTables,
    StoreTables,
    LicenseTables,
    OfflineTables,
    InstallationTables,
    InstanceTables {}
