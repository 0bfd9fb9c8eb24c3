import type { CliCommand } from '../../cli-command.ts'
import { passwordLength } from '../../flag-values.ts'
import type { Run } from '../../program.ts'
import type { ChangeCredentialsFlags } from './change-credentials.ts'
import type { ClaimFlags } from './claim-cameras.ts'
import { addSelection } from './select-devices.ts'

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
    .option('--site <site>', 'where the camera is, or those of the list that name none; by name or id')
    .option('--gateway <gateway>', 'which gateway, by name or id; else the only one of the site, or of the account')
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
  addSelection(
    devices
      .command('change-credentials')
      .description('have gateways use other logins for cameras, and set new passwords on them if asked to')
      .argument('[devices...]', 'device ids'),
  )
    .option('--csv <file>', 'a list with the columns device, user, password')
    .option('--user <user>', 'of all cameras chosen, or of those of the list that name none')
    .option('--password-file <file>', 'its first line is the password (else OCELLI_CAMERA_PASSWORD, else asked)')
    .option('--set-on-camera', 'make it the new password of that user on the camera; else it is only tried and stored')
    .option('--generate', 'with --set-on-camera: another password for every camera, written to the --result file')
    .option('--length <number>', 'of generated passwords (default 15, which all makers take)', passwordLength)
    .option('--allow-http', 'with --set-on-camera: also where the network of the camera can read the new password')
    .option('--result <file>', 'write what came of each camera as CSV; passwords are in it if they were generated')
    .option('--continue <file>', 'see what came of the passwords in such a file, and bring it up to date')
    .option('--dry-run', 'show the cameras, send nothing')
    .examples(
      'ocelli devices change-credentials ACCC8E123456 --user root',
      'ocelli devices change-credentials --csv logins.csv --result result.csv',
      'ocelli devices change-credentials --site Riga --user root --set-on-camera --generate --result new.csv --dry-run',
      'ocelli devices change-credentials --site Riga --user root --set-on-camera --generate --result new.csv',
      'ocelli devices change-credentials --continue new.csv',
    )
    .action((deviceIds: string[], flags: ChangeCredentialsFlags) =>
      run(async (context) => (await import('./change-credentials.ts')).changeCredentials(deviceIds, flags, context)),
    )
}
