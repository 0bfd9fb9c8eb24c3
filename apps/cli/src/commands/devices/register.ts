import { collect, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { EditDeviceFlags } from './change-device.ts'
import { addDeviceFilter } from './device-filter.ts'
import type { ListDevicesFlags } from './list-devices.ts'
import { registerLogins } from './register-logins.ts'

export const registerDevices: Register = (program, run) => {
  const devices = program.command('devices').description('cameras of the account')
  registerLogins(devices, run)
  addDeviceFilter(devices.command('list').description('cameras that match, ordered by their id'))
    .option('--limit <number>', 'so many at most', wholeNumber)
    .option('--count', 'only how many there are')
    .examples(
      'ocelli devices list',
      'ocelli devices list --connectivity OFFLINE --customer "City of Riga"',
      'ocelli devices list --updatable --json',
    )
    .action((flags: ListDevicesFlags) =>
      run(async (context) => (await import('./list-devices.ts')).listDevices(flags, context)),
    )
  devices
    .command('show')
    .description('everything about one camera, and why it answers or not')
    .argument('<device>', 'device id')
    .examples('ocelli devices show ACCC8E123456')
    .action((deviceId: string) =>
      run(async (context) => (await import('./show-device.ts')).showDevice(deviceId, context)),
    )
  devices
    .command('apps')
    .description('apps on a camera, on their way there or away')
    .argument('<device>', 'device id')
    .examples('ocelli devices apps ACCC8E123456')
    .action((deviceId: string) =>
      run(async (context) => (await import('./list-device-apps.ts')).listDeviceApps(deviceId, context)),
    )
  devices
    .command('edit')
    .description('change what is noted about a camera, or what it belongs to; an empty text takes a value away')
    .argument('<device>', 'device id')
    .option('--name <name>', 'how it is called')
    .option('--customer <customer>', 'whose it is')
    .option('--location <location>', 'where it hangs')
    .option('--tags <tags>', 'all its tags, separated by commas')
    .option('--add-tag <tag>', 'one more tag; can be repeated', collect, [])
    .option('--remove-tag <tag>', 'one tag less; can be repeated', collect, [])
    .option('--site <site>', 'the site it belongs to, by name or id')
    .option('--to-gateway <gateway>', 'the gateway that drives it from now on, by name or id')
    .examples(
      'ocelli devices edit ACCC8E123456 --name "Gate 3" --add-tag lobby',
      'ocelli devices edit ACCC8E123456 --customer ""   # belongs to no customer any more',
    )
    .action((deviceId: string, flags: EditDeviceFlags) =>
      run(async (context) => (await import('./change-device.ts')).editDevice(deviceId, flags, context)),
    )
  devices
    .command('lost')
    .description('declare that a camera is gone, or was reset: all of its units return; is audited with the reason')
    .argument('<device>', 'device id')
    .requiredOption('--reason <text>', 'why, for the audit')
    .option('--reset', 'it is still there, and has lost its apps and licenses')
    .examples(
      'ocelli devices lost ACCC8E123456 --reason "stolen, report 2026-117"',
      'ocelli devices lost ACCC8E123456 --reset --reason "factory default by the technician" --yes',
    )
    .action((deviceId: string, flags: { reason: string; reset?: boolean }) =>
      run(async (context) => (await import('./declare-lost.ts')).declareLost(deviceId, flags, context)),
    )
  devices
    .command('unclaim')
    .description('give a camera free: the platform no longer reaches it, and another account may claim it')
    .argument('<device>', 'device id')
    .option('--keep-licenses', 'its licenses stay spent, and apps go on running')
    .examples('ocelli devices unclaim ACCC8E123456', 'ocelli devices unclaim ACCC8E123456 --keep-licenses --yes')
    .action((deviceId: string, flags: { keepLicenses?: boolean }) =>
      run(async (context) => (await import('./change-device.ts')).unclaimDevice(deviceId, flags, context)),
    )
}
