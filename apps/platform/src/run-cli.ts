import { Command } from 'commander'
import { type Environment, withVault } from './commands/instance.ts'
import type { KeysIo } from './commands/keys-commands.ts'
import { ConfigError } from './platform/config.ts'
import { DataFolderError } from './platform/data-folder.ts'
import { ExportError } from './platform/database/export-format.ts'
import { EmbeddedPostgresError } from './platform/embedded-postgres/embedded-postgres-error.ts'

type KeysCommands = typeof import('./commands/keys-commands.ts')
const standardIo: KeysIo = {
  print: (text) => void process.stdout.write(text),
  say: (text) => void process.stderr.write(text),
}

/** `ocelli-platform`: without a command it serves. Gives the exit code: 0 well, 1 not well, 2 wrong use or settings. */
export async function runCli(args: string[], environment: Environment): Promise<number> {
  let exitCode = 0
  const program = new Command('ocelli-platform').description('The Ocelli platform').exitOverride()
  program
    .command('serve', { isDefault: true })
    .description('run the platform until a signal ends it')
    .action(async () => {
      exitCode = await (await import('./serve.ts')).serve(environment)
    })
  const broker = program.command('broker').description('an MQTT broker of your own for the device channel')
  const brokerCommands = () => import('./commands/broker-commands.ts')
  broker
    .command('check')
    .description('prove with probe certificates that the broker lets nobody out of its own topics')
    .option('--url <url>', "where the platform's processes connect (else MQTT_URL)", environment.MQTT_URL)
    .option('--gateway-url <url>', 'where gateways connect (else OCELLI_MQTT_PUBLIC_URL, else the same)')
    .action(async (flags: { url?: string; gatewayUrl?: string }) => {
      exitCode = await (await brokerCommands()).brokerCheckCommand(flags, environment)
    })
  broker
    .command('certificate')
    .description("write the CA's certificate, and a certificate and key for the broker")
    .requiredOption('--name <name...>', 'host names and addresses of the broker')
    .requiredOption('--out <folder>', 'where ca.pem, broker.pem and broker.key are written')
    .action(async (flags: { name: string[]; out: string }) => {
      await (await brokerCommands()).brokerCertificateCommand(flags, environment)
    })
  const keys = program.command('keys').description('the keys that licenses are signed with')
  const keysCommand = async (run: (commands: KeysCommands, io: KeysIo) => Promise<number>) => {
    exitCode = await run(await import('./commands/keys-commands.ts'), standardIo)
  }
  keys
    .command('show')
    .description("print the root's thumbprint, which verifiers pin, and the signing keys")
    .action(() => keysCommand(({ showKeys }, io) => withVault(environment, (instance) => showKeys(instance, io))))
  keys
    .command('rotate')
    .description('sign with a new key from now on; running processes take it up by themselves within seconds')
    .action(() => keysCommand(({ rotateKey }, io) => withVault(environment, (instance) => rotateKey(instance, io))))
  keys
    .command('export-root')
    .description('write the private root key as a JWK, for a safe place apart from the backups')
    .option('--out <file>', 'into a new file that only you can read, instead of stdout')
    .action((flags: { out?: string }) =>
      keysCommand(({ exportRootKey }, io) =>
        withVault(environment, (instance) => exportRootKey(instance, { ...io, ...flags })),
      ),
    )
  const exportCommands = () => import('./commands/export-commands.ts')
  program
    .command('export')
    .description('write the whole database into a file, whichever PostgreSQL holds it; the platform may run')
    .argument('<file>')
    .action(async (file: string) => void (await (await exportCommands()).exportCommand(file, environment)))
  program
    .command('import')
    .description('fill a fresh data folder, or an empty database, with an export')
    .argument('<file>')
    .action(async (file: string) => {
      exitCode = await (await exportCommands()).importCommand(file, environment)
    })
  program
    .command('backup')
    .description('an export and the packages, in one folder; the platform may run')
    .argument('<folder>')
    .option('--with-master-key', 'the master key too; keep such a backup under lock')
    .action(async (folder: string, flags: { withMasterKey?: boolean }) =>
      (await exportCommands()).backupCommand(folder, flags, environment),
    )
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (isExpected(error)) {
      process.stderr.write(`${error.message}\n`)
      return 2
    }
    const { exitCode: wanted } = error as { exitCode?: unknown }
    if (typeof wanted !== 'number') throw error
    return wanted === 0 ? 0 : 2
  }
}

/** Wrong settings, folders and files: a sentence says what to do. */
function isExpected(error: unknown): error is Error {
  return [ConfigError, DataFolderError, EmbeddedPostgresError, ExportError].some((kind) => error instanceof kind)
}
