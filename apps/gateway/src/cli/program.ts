import { Command } from 'commander'
import type { CameraAddFlags } from './camera-commands.ts'
import type { CommandContext } from './command-context.ts'
import type { EnrollFlags } from './enroll-command.ts'
import type { ExitCode } from './exit-code.ts'
import type { FirstUserFlags } from './first-user-command.ts'
import type { ProbeFlags } from './probe-command.ts'
import type { RunFlags } from './run-command.ts'

interface ProgramOptions {
  version: string
  /** Made for the command that runs, once `--home` is known. */
  contextFor: (home: string | undefined) => CommandContext
  finish: (code: ExitCode) => void
}

/** The commands and their flags. What they do is loaded when it is asked for. */
export function createProgram({ version, contextFor, finish }: ProgramOptions): Command {
  const program = new Command('ocelli-gateway')
    .description('The agent near the cameras: drives them for an Ocelli platform.')
    .version(version)
    .option('--home <folder>', 'where the gateway keeps its state (else OCELLI_GATEWAY_HOME, OCELLI_HOME/gateway)')
  const context = () => contextFor(program.opts<{ home?: string }>().home)

  program
    .command('enroll')
    .description('make this folder a gateway of a site')
    .requiredOption('--platform <url>', 'address of the platform, https://...')
    .option('--token <token>', 'enrollment token of the site (else OCELLI_ENROLLMENT_TOKEN)')
    .option('--name <name>', 'how the gateway is called (else the name of this machine)')
    .option('--replace', 'take over the devices of the gateway that the token names; that gateway is revoked')
    .action(async (flags: EnrollFlags) => (await import('./enroll-command.ts')).enrollCommand(flags, context()))

  program
    .command('run')
    .description('work until stopped')
    .option('--enroll-if-needed', 'enroll with --platform and OCELLI_ENROLLMENT_TOKEN first')
    .option('--platform <url>', 'address of the platform, with --enroll-if-needed')
    .option('--name <name>', 'how the gateway is called, with --enroll-if-needed')
    .option('--cache-gigabytes <number>', 'room for packages (default 10)')
    .action(async (flags: RunFlags) => (await import('./run-command.ts')).runCommand(flags, context()))

  program
    .command('probe')
    .description('say whether the camera at an address can run apps; needs no login')
    .argument('<address>', 'host, host:port or URL')
    .option('--json', 'everything that is known, as JSON')
    .option('--allow-legacy-tls', 'TLS below 1.2')
    .action(async (address: string, flags: ProbeFlags) =>
      finish(await (await import('./probe-command.ts')).probeCommand(address, flags, context())),
    )

  const camera = program.command('camera').description('the cameras of this gateway')
  const commands = () => import('./camera-commands.ts')
  camera
    .command('add')
    .description('claim a camera; its password comes from a file, OCELLI_CAMERA_PASSWORD or a question')
    .requiredOption('--address <address>', 'host, host:port or URL')
    .requiredOption('--user <user>', 'user name on the camera')
    .option('--password-file <file>', 'file that holds the password')
    .option('--site <id>', "site of the camera (else the gateway's)")
    .option('--name <name>', 'how the camera is called')
    .option('--allow-legacy-tls', 'TLS below 1.2 to this camera')
    .option('--try-again', 'log in although the camera refused logins a short time ago; it may lock itself')
    .action(async (flags: CameraAddFlags) => (await commands()).cameraAddCommand(flags, context()))
  camera
    .command('first-user')
    .description('give a camera as it left the factory its first administrator')
    .requiredOption('--address <address>', 'host, host:port or URL')
    .requiredOption('--user <user>', 'name of the new administrator (root on most Axis cameras)')
    .option('--password-file <file>', 'file that holds the new password')
    .option('--allow-legacy-tls', 'TLS below 1.2 to this camera')
    .action(async (flags: FirstUserFlags) =>
      (await import('./first-user-command.ts')).firstUserCommand(flags, context()),
    )
  camera
    .command('list')
    .description('id, driver, address and name of each camera, without passwords')
    .option('--json', 'as JSON')
    .action(async (flags: { json?: boolean }) => (await commands()).cameraListCommand(flags, context()))
  camera
    .command('remove')
    .description('forget a camera and its password here')
    .argument('<id>', 'device id')
    .action(async (deviceId: string) => (await commands()).cameraRemoveCommand(deviceId, context()))
  return program
}
