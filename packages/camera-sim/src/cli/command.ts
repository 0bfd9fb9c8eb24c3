import { Command, InvalidArgumentError, Option } from 'commander'

export interface CommandOptions {
  kind: 'onvif' | 'axis'
  port: number
  deviceId: string
  user: string
  password: string
  host: string
  count: number
  trust?: string
  model?: string
  https: boolean
  discovery: boolean
  discoveryAddress?: string
  controlPort?: number
  state?: string
  licenseRequired: 'all' | 'none'
  platformLevel?: number
  auth: 'digest' | 'digest-md5' | 'digest-sha256' | 'wsse' | 'both'
  installMs?: number
  os?: string
  architecture?: 'aarch64' | 'armv7hf' | 'mips'
  needsSetup: boolean
  allowUnsigned?: boolean
}

/** The command line of `ocelli-camera-sim`. */
export function createCommand(run: (options: CommandOptions) => Promise<void>): Command {
  return new Command('ocelli-camera-sim')
    .description('Simulated cameras that run apps, ONVIF or Axis, for tests and demos.')
    .addOption(new Option('--kind <kind>', 'which protocol they speak').choices(['onvif', 'axis']).default('onvif'))
    .requiredOption('--port <port>', 'port of the first camera, 0 for any', wholeNumber(0, 65_535))
    .requiredOption(
      '--device-id <id>',
      'device id; with --count, -1, -2, ... are added. Axis: a serial number, counted up',
    )
    .requiredOption('--user <name>', 'administrator')
    .requiredOption('--password <password>', 'password of the administrator')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--count <number>', 'how many cameras, on ports that follow each other', wholeNumber(1, 10_000), 1)
    .option('--trust <file>', 'public license keys to believe: a JWK, a JWK set or an array')
    .option('--model <name>', 'model name')
    .option('--https', 'speak HTTPS with a self-signed certificate', false)
    .option('--discovery', 'be found by WS-Discovery, on UDP port 3702; Axis also by mDNS and SSDP', false)
    .option('--discovery-address <address>', 'address of the one network interface to use for WS-Discovery')
    .option('--control-port <port>', 'set faults at run time over HTTP on 127.0.0.1, 0 for any', wholeNumber(0, 65_535))
    .option('--state <file>', 'keep apps and licenses in this file; with --count, -1, -2, ... are added')
    .addOption(
      new Option('--license-required <which>', 'apps that need a license to start')
        .choices(['all', 'none'])
        .default('all'),
    )
    .option('--platform-level <level>', 'Android API level', wholeNumber(1, 1000))
    .addOption(
      new Option('--auth <mode>', 'how clients prove who they are')
        .choices(['digest', 'digest-md5', 'digest-sha256', 'wsse', 'both'])
        .default('digest'),
    )
    .option('--install-ms <ms>', 'how long an installation takes', wholeNumber(0, 86_400_000))
    .option('--os <version>', 'Axis: version of AXIS OS, such as 11.11 or 9.80')
    .addOption(
      new Option('--architecture <name>', 'Axis: what its packages are made for').choices([
        'aarch64',
        'armv7hf',
        'mips',
      ]),
    )
    .option('--needs-setup', 'Axis: no user yet, as the camera leaves the factory', false)
    .option('--allow-unsigned', 'Axis: take apps without signature, whatever the version of AXIS OS')
    .action(run)
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`A whole number from ${least} to ${most} is needed.`)
    }
    return value
  }
}
