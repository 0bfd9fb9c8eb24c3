import type { CliCommand } from '../../cli-command.ts'
import { choiceOf, notNegative, positiveNumber, wholeNumber } from '../../flag-values.ts'
import type { Register, Run } from '../../program.ts'
import { addSelection } from '../devices/select-devices.ts'
import type { ChangeFlags } from './change-apps.ts'

type Kind = 'install' | 'update' | 'uninstall' | 'start' | 'stop'

const descriptions: Record<Kind, string> = {
  install: 'put an app on cameras; takes a free license for each that has none',
  uninstall: 'remove an app from cameras; the license returns when the camera confirms',
  start: 'let an app run',
  stop: 'let an app rest',
  update: 'bring an app to the newest version that fits each camera',
}

const examples: Record<Kind, string[]> = {
  install: [
    'ocelli install com.example.counter CAM1 CAM2 --wait',
    'ocelli install com.example.counter --site 6f2c... --license-type SUBSCRIPTION --start --wait --journal night.jsonl',
    'ocelli install com.example.counter --from ids.txt --queue   # those that are away: when they return',
  ],
  uninstall: [
    'ocelli uninstall com.example.counter CAM1 --wait',
    'ocelli uninstall com.example.counter --tag lobby --yes',
  ],
  start: ['ocelli start com.example.counter CAM1'],
  stop: ['ocelli stop com.example.counter --customer "City of Riga"'],
  update: ['ocelli update com.example.counter --updatable --wait --concurrency 20'],
}

export const registerInstallations: Register = (program, run) => {
  for (const kind of ['install', 'uninstall', 'start', 'stop', 'update'] as const) registerChange(kind, program, run)
  program
    .command('status')
    .description('how far an app is on a camera')
    .argument('<app>', 'app id')
    .argument('<device>', 'device id')
    .examples('ocelli status com.example.counter CAM1')
    .action((appId: string, deviceId: string) =>
      run(async (context) => (await import('./show-installation.ts')).showInstallation({ appId, deviceId }, context)),
    )
}

function registerChange(kind: Kind, program: CliCommand, run: Run): void {
  const command = addSelection(
    program
      .command(kind)
      .description(descriptions[kind])
      .argument('<app>', 'app id')
      .argument('[devices...]', 'device ids'),
  )
    .option('--wait', 'wait until it has ended on every device')
    .option('--wait-timeout <seconds>', 'so long at most, for each device', positiveNumber, 7200)
    .option('--queue', 'devices that are offline are changed when they return')
    .option('--concurrency <number>', 'devices in work at the same time', wholeNumber, 5)
    .option('--retries <number>', 'how often a failure that may pass is tried again, with --wait', notNegative, 2)
    .option('--journal <file>', 'remember what was reached: the same command goes on where it was broken off')
    .examples(...examples[kind])
  if (kind === 'install') {
    command
      .addOption(
        choiceOf('--license-type <type>', 'taken where a device has none', ['FULL', 'TRIAL', 'SUBSCRIPTION']).default(
          'FULL',
        ),
      )
      .option('--order <id>', 'the order that a SUBSCRIPTION is taken from')
      .option('--version <version>', 'this version (else the newest that fits)')
      .option('--start', 'start it when it is there')
      .option(
        '--allow-downgrade',
        'with --version: also below the installed one; most cameras lose the data of the app',
      )
  }
  command.action((appId: string, deviceIds: string[], flags: ChangeFlags) =>
    run(async (context) => (await import('./change-apps.ts')).changeApps(kind, { appId, deviceIds, flags }, context)),
  )
}
