import { Command } from 'commander'
import { checkBroker } from './features/channel/broker-check.ts'
import { createCertificateAuthority } from './platform/ca/certificate-authority.ts'
import { readConfig } from './platform/config.ts'
import { resolveDataFolder, thisMachine } from './platform/data-folder.ts'
import { openDatabase } from './platform/database/database.ts'
import { findEmbeddedPostgres } from './platform/embedded-postgres/find-embedded-postgres.ts'
import { createVault, loadMasterKey } from './platform/keys/master-key.ts'
import { serve } from './serve.ts'

type Environment = Record<string, string | undefined>

/** `ocelli-platform`: without a command it serves. Gives the exit code: 0 well, 1 not well, 2 wrong use or settings. */
export async function runCli(args: string[], environment: Environment): Promise<number> {
  let exitCode = 0
  const program = new Command('ocelli-platform').description('The Ocelli platform').exitOverride()
  program
    .command('serve', { isDefault: true })
    .description('run the platform until a signal ends it')
    .action(async () => {
      exitCode = await serve(environment)
    })
  program
    .command('broker')
    .description('the MQTT broker of the device channel')
    .command('check')
    .description('prove with two probe certificates that the broker lets nobody out of its own topics')
    .option('--url <url>', 'the broker (else MQTT_URL)', environment.MQTT_URL)
    .action(async ({ url }: { url?: string }) => {
      exitCode = await runBrokerCheck(url, environment)
    })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    const { exitCode: wanted } = error as { exitCode?: unknown }
    if (typeof wanted !== 'number') throw error
    return wanted === 0 ? 0 : 2
  }
}

async function runBrokerCheck(url: string | undefined, environment: Environment): Promise<number> {
  if (!url) {
    process.stderr.write(
      'Give --url or MQTT_URL. The built-in broker needs no check: it admits enrolled gateways only.\n',
    )
    return 2
  }
  const config = readConfig(environment)
  const dataFolder = resolveDataFolder(thisMachine(environment))
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const connectionString = config.databaseUrl ?? (await findEmbeddedPostgres({ dataFolder, log }))
  if (!connectionString) {
    process.stderr.write(`No platform runs on ${dataFolder}. Start it first: the probes are certified by its CA.\n`)
    return 2
  }
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => {} })
  try {
    const vault = createVault(await loadMasterKey({ fromEnvironment: config.masterKey, dataFolder }))
    const ca = await createCertificateAuthority(db, vault, Date.now)
    const findings = await checkBroker({ url, ca, timeoutMs: 5000 })
    for (const { passed, code, detail } of findings)
      process.stdout.write(`${passed ? 'ok  ' : 'FAIL'} ${code}: ${detail}\n`)
    return findings.every(({ passed }) => passed) ? 0 : 1
  } finally {
    await close()
  }
}
