import type { CliCommand } from '../../cli-command.ts'
import type { Run } from '../../program.ts'
import type { ClaimFlags, LoginSourceFlags } from './claim-cameras.ts'

/** Commands that carry passwords of cameras, sealed on this machine. */
export function registerLogins(devices: CliCommand, run: Run): void {
  devices
    .command('claim')
    .description('have a gateway claim cameras; passwords are sealed to it here, the platform cannot read them')
    .option('--csv <file>', 'a list with the columns address, user, password, name, site, customer, tags')
    .option('--address <address>', 'one camera: host, host:port or URL')
    .option('--user <user>', 'of the camera, or of those of the list that name none')
    .option('--password-file <file>', 'its first line is the password (else OCELLI_CAMERA_PASSWORD, else asked)')
    .option('--name <name>', 'how the one camera is called')
    .option('--site <site>', 'where the one camera is, by name or id')
    .option('--gateway <gateway>', 'which gateway, by name or id; else the only one of the site')
    .option('--dry-run', 'read and check the list, send nothing')
    .option('--result <file>', 'write what came of each camera as CSV, without passwords')
    .examples(
      'ocelli devices claim --csv cameras.csv --dry-run',
      'ocelli devices claim --csv cameras.csv --result result.csv',
      'ocelli devices claim --address 192.168.1.20 --user root',
    )
    .action((flags: ClaimFlags) =>
      run(async (context) => (await import('./claim-cameras.ts')).claimCameras(flags, context)),
    )
  devices
    .command('change-credentials')
    .description('have gateways use other logins for cameras; each is tried before it replaces the stored one')
    .argument('[devices...]', 'device ids')
    .option('--csv <file>', 'a list with the columns device, user, password')
    .option('--user <user>', 'of all cameras named')
    .option('--password-file <file>', 'its first line is the password (else OCELLI_CAMERA_PASSWORD, else asked)')
    .option('--result <file>', 'write what came of each camera as CSV, without passwords')
    .examples(
      'ocelli devices change-credentials ACCC8E123456 --user root',
      'ocelli devices change-credentials --csv logins.csv --result result.csv',
    )
    .action((deviceIds: string[], flags: LoginSourceFlags) =>
      run(async (context) => (await import('./change-credentials.ts')).changeCredentials(deviceIds, flags, context)),
    )
}
