import { Help, Option } from 'commander'
import { CliCommand } from './cli-command.ts'
import type { CommandContext, GlobalFlags } from './command-context.ts'
import { registerAccount } from './commands/account/register.ts'
import { registerApps } from './commands/apps/register.ts'
import { registerCompletion } from './commands/completion/register.ts'
import { registerDevices } from './commands/devices/register.ts'
import { registerDiscover } from './commands/discover/register.ts'
import { registerEvents } from './commands/events/register.ts'
import { registerGateways } from './commands/gateways/register.ts'
import { registerInstallations } from './commands/installations/register.ts'
import { registerLicenses } from './commands/licenses/register.ts'
import { registerMaker } from './commands/maker/register.ts'
import { registerOffline } from './commands/offline/register.ts'
import { registerOrders } from './commands/orders/register.ts'
import { registerPeople } from './commands/people/register.ts'
import { registerPlatform } from './commands/platform/register.ts'
import { registerProjects } from './commands/projects/register.ts'
import { registerRollouts } from './commands/rollouts/register.ts'
import { registerSession } from './commands/session/register.ts'
import { registerSites } from './commands/sites/register.ts'
import { registerTechnicalUsers } from './commands/technical-users/register.ts'
import { registerTransfers } from './commands/transfers/register.ts'
import { registerVendorKeys } from './commands/vendor-keys/register.ts'
import { type ExitCode, exitCodeMeanings, exitCodes } from './exit-code.ts'
import { positiveNumber } from './flag-values.ts'

/** Runs a command's work in a context made of the flags that it was given; gives commander's action. */
export type Run = (work: (context: CommandContext) => Promise<ExitCode> | Promise<void>) => Promise<void>

/** Adds commands to the program. What they do is loaded when it is asked for. */
export type Register = (program: CliCommand, run: Run) => void

/** By what people look for; every command is in one group. */
const groups: Record<string, Register[]> = {
  'Sign in:': [registerSession],
  'Cameras and their apps:': [registerDevices, registerApps, registerInstallations, registerRollouts],
  'Licenses:': [registerLicenses, registerVendorKeys, registerOrders],
  'Places:': [registerSites, registerGateways, registerTransfers],
  'People, machines and what they did:': [
    ...[registerPeople, registerTechnicalUsers, registerProjects, registerAccount, registerEvents],
  ],
  'Closed networks and app makers:': [registerDiscover, registerOffline, registerMaker],
  'This program and the platform:': [registerPlatform, registerCompletion],
}

export interface ProgramOptions {
  run: (flags: GlobalFlags, ...work: Parameters<Run>) => Promise<void>
  print: (text: string) => void
  say: (text: string) => void
}

/** Every command and its flags. */
export function createProgram({ run, print, say }: ProgramOptions): CliCommand {
  const program = new CliCommand('ocelli')
    .description('Apps on IP cameras: buy, install, start, update and remove them, on one camera or on all.')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: say })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false, optionDescription: describeOption })
    .option('--profile <name>', 'which platform and identity (else OCELLI_PROFILE, else the current one)')
    .option('--url <url>', 'address of the platform (else OCELLI_URL, else that of the profile)')
    .option(
      '--ca <file or fingerprint>',
      "the platform's own CA: a PEM file, or its SHA-256 fingerprint (else OCELLI_CA)",
    )
    .option('--json', "print the API's own objects as JSON, for programs")
    .option('--yes', 'do not ask before something that is hard to take back')
    .option('--verbose', 'tell every request on stderr')
    .addOption(
      new Option('--timeout <seconds>', 'how long one request may take, repetitions included')
        .default(60)
        .argParser(positiveNumber),
    )
    .option('--no-color', 'no bold, no colors, no moving lines (also NO_COLOR)')
    .examples(
      'ocelli login --url https://ocelli.example.com   # sign in; the browser asks whether it is you',
      'ocelli devices list --connectivity OFFLINE      # cameras that do not answer',
      'ocelli install com.example.counter CAM1 --wait  # install an app and wait until it is there',
    )
    .addHelpText(
      'after',
      ['', 'Exit codes:', ...exitCodeLines(), '', '`ocelli --version` prints the version of this program.'].join('\n'),
    )
  for (const [heading, registers] of Object.entries(groups)) {
    program.commandsGroup(heading)
    for (const register of registers) register(program, (work) => run(program.opts<GlobalFlags>(), work))
  }
  return program
}

/** That a flag which can be repeated begins with none is no news to anybody. */
function describeOption(option: Option): string {
  const isEmptyList = Array.isArray(option.defaultValue) && option.defaultValue.length === 0
  const shown = isEmptyList ? Object.assign(Object.create(option), { defaultValue: undefined }) : option
  return new Help().optionDescription(shown)
}

export function exitCodeLines(): string[] {
  return Object.entries(exitCodeMeanings).map(
    ([name, meaning]) => `  ${String(exitCodes[name as keyof typeof exitCodes]).padEnd(4)} ${meaning}`,
  )
}
