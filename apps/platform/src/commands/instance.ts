import { createCertificateAuthority } from '../platform/ca/certificate-authority.ts'
import { type Config, ConfigError, readConfig } from '../platform/config.ts'
import { resolveDataFolder, thisMachine } from '../platform/data-folder.ts'
import { type Database, openDatabase } from '../platform/database/database.ts'
import { migrate } from '../platform/database/migrate.ts'
import { findEmbeddedPostgres } from '../platform/embedded-postgres/find-embedded-postgres.ts'
import { createVault, loadMasterKey, type Vault } from '../platform/keys/master-key.ts'

export type Environment = Record<string, string | undefined>

/** Where a command finds the platform of this machine. */
export interface Instance {
  config: Config
  dataFolder: string
  connectionString: string
}

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** Throws ConfigError where the settings are wrong, or where no platform runs on the embedded database. */
export async function findInstance(environment: Environment): Promise<Instance> {
  const config = readConfig(environment)
  const dataFolder = resolveDataFolder(thisMachine(environment))
  const connectionString = config.databaseUrl ?? (await findEmbeddedPostgres({ dataFolder, log }))
  if (connectionString) return { config, dataFolder, connectionString }
  throw new ConfigError(`No platform runs on ${dataFolder}. Start it first, or set OCELLI_HOME to its data folder.`)
}

/** The instance's database and the vault of its keys; the schema is made where an operator's database is fresh. */
export async function withVault<T>(
  environment: Environment,
  work: (instance: { db: Database; vault: Vault; config: Config }) => Promise<T>,
): Promise<T> {
  const { config, dataFolder, connectionString } = await findInstance(environment)
  if (config.databaseUrl) await migrate(connectionString)
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => {} })
  try {
    const vault = createVault(await loadMasterKey({ fromEnvironment: config.masterKey, dataFolder }))
    return await work({ db, vault, config })
  } finally {
    await close()
  }
}

/** The instance's CA, made where a fresh database of the operator's has none yet. */
export async function withCertificateAuthority<T>(
  environment: Environment,
  work: (ca: Awaited<ReturnType<typeof createCertificateAuthority>>, config: Config) => Promise<T>,
): Promise<T> {
  return await withVault(environment, async ({ db, vault, config }) =>
    work(await createCertificateAuthority(db, vault, Date.now), config),
  )
}
