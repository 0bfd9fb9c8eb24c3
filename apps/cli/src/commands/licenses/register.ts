import { choiceOf, idFrom, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { CreateLicenseFlags, DownloadLicenseFlags, ListLicensesFlags } from './licenses.ts'

const load = () => import('./licenses.ts')

export const registerLicenses: Register = (program, run) => {
  const licenses = program.command('licenses').description('units bought, and what they are spent on')
  licenses
    .command('quantities')
    .description('used and free units, by app and license type')
    .argument('[app]', 'app id')
    .examples('ocelli licenses quantities', 'ocelli licenses quantities com.example.counter --json')
    .action((appId: string | undefined) => run(async (context) => (await load()).listQuantities(appId, context)))
  licenses
    .command('list')
    .description('licenses by device and app, and who checks them: of all, of an app, or of an app on a camera')
    .argument('[app]', 'app id')
    .argument('[device]', 'device id')
    .option('--device <id>', 'of this camera, whatever the app')
    .option('--history', 'also those that ended')
    .addOption(choiceOf('--state <state>', 'in this state', ['RESERVED', 'VALID', 'EXPIRED', 'RELEASED']))
    .addOption(choiceOf('--license-type <type>', 'of this type', ['FULL', 'TRIAL', 'SUBSCRIPTION']))
    .addOption(choiceOf('--issuer <issuer>', "made here, or by a camera's vendor", ['PLATFORM', 'VENDOR']))
    .option('--order <id>', 'taken from this order')
    .option('--ends-before <time>', 'whose end is before this time, date, or within so long, such as 30d')
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples(
      'ocelli licenses list',
      'ocelli licenses list com.example.counter CAM1 --history',
      'ocelli licenses list --ends-before 30d --json',
    )
    .action((appId: string | undefined, deviceId: string | undefined, flags: ListLicensesFlags & { device?: string }) =>
      run(async (context) =>
        (await load()).listLicenses({ appId, deviceId: deviceId ?? flags.device }, flags, context),
      ),
    )
  licenses
    .command('create')
    .description('make a license by hand, also for a camera that is never online; a valid one is given again')
    .argument('<app>', 'app id')
    .argument('<device>', 'device id')
    .addOption(
      choiceOf('--license-type <type>', 'license type', ['FULL', 'TRIAL', 'SUBSCRIPTION']).makeOptionMandatory(),
    )
    .option('--order <id>', 'the order it is taken from; needed for SUBSCRIPTION')
    .examples('ocelli licenses create com.example.counter CAM1 --license-type FULL')
    .action((appId: string, deviceId: string, flags: CreateLicenseFlags) =>
      run(async (context) => (await load()).createLicense({ appId, deviceId }, flags, context)),
    )
  licenses
    .command('renew')
    .description('go on with a unit of another order that ends later; the license keeps its id. SUBSCRIPTION only')
    .argument('<license>', 'license id', idFrom('ocelli licenses list'))
    .requiredOption('--order <id>', 'the order that goes on for longer')
    .examples('ocelli licenses renew 5b1e... --order 0b6e...')
    .action((licenseId: string, flags: { order: string }) =>
      run(async (context) => (await import('./renew.ts')).renewLicense(licenseId, flags, context)),
    )
  licenses
    .command('renew-order')
    .description('let every license of an order go on with units of another, all or none')
    .argument('<from>', 'order id that ends')
    .argument('<to>', 'order id that goes on for longer')
    .examples('ocelli licenses renew-order 1c9d... 0b6e... --yes')
    .action((fromOrderId: string, orderId: string) =>
      run(async (context) => (await import('./renew.ts')).renewOrder({ fromOrderId, orderId }, context)),
    )
  licenses
    .command('download')
    .description('the license file')
    .argument('<license>', 'license id', idFrom('ocelli licenses list'))
    .option('--output <file>', 'where to (else stdout)')
    .examples('ocelli licenses download 5b1e... --output CAM1.license')
    .action((licenseId: string, flags: DownloadLicenseFlags) =>
      run(async (context) => (await load()).downloadLicense(licenseId, flags, context)),
    )
  licenses
    .command('release')
    .description('declare that a unit is free though no camera confirmed it; is audited with the reason')
    .argument('<license>', 'license id', idFrom('ocelli licenses list'))
    .requiredOption('--reason <text>', 'why, for the audit')
    .examples('ocelli licenses release 5b1e... --reason "camera was scrapped"')
    .action((licenseId: string, flags: { reason: string }) =>
      run(async (context) => (await load()).releaseLicense(licenseId, flags, context)),
    )
  licenses
    .command('audit')
    .description('recount every unit from licenses and events, trusting no counter; ends with 1 when they do not agree')
    .examples('ocelli licenses audit', 'ocelli licenses audit --json > audit.json')
    .action(() => run(async (context) => (await import('./audit.ts')).auditLicenses(context)))
}
