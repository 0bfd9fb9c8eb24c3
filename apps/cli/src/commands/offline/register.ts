import type { CliCommand } from '../../cli-command.ts'
import { collect, idFrom, positiveNumber, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { ApplyFlags, RemoveFlags } from './apply.ts'
import type { BundleFlags } from './bundle.ts'
import type { InstallFlags } from './install.ts'

export const registerOffline: Register = (program, run) => {
  const offline = program
    .command('offline')
    .description('apps on cameras that the platform does not reach: bundles, receipts, and all of it in one go')
  addChoice(
    offline
      .command('bundle')
      .description('make one signed file with packages, licenses and keys for a closed network')
      .option('--site <file>', 'cameras as `ocelli discover --out` found them')
      .option('--device <id>', 'a device id; can be repeated', collect, [])
      .requiredOption('--out <file>', 'the bundle'),
  )
    .examples(
      'ocelli offline bundle --app com.example.counter --license-type FULL --site site.json --out gate.bundle',
      'ocelli offline bundle --app com.example.counter@4.0.0 --license-type SUBSCRIPTION --order 0b6e... --device CAM1 --out cam1.bundle',
    )
    .action((flags: BundleFlags) => run(async (context) => (await import('./bundle.ts')).bundle(flags, context)))
  addCameras(
    offline
      .command('apply')
      .description('install from a bundle in the closed network, and write a receipt; called again it goes on')
      .argument('<bundle>', 'the file')
      .option('--root <fingerprint>', "the platform's root key; needed once on a machine that is not signed in there")
      .option('--start', 'start the apps')
      .option('--receipt <file>', 'the receipt'),
  )
    .examples(
      'ocelli offline apply gate.bundle --all --user admin --password-file camera.txt --start',
      'ocelli offline apply gate.bundle --camera 192.168.1.20 --user admin --root QmF6...',
    )
    .action((file: string, flags: ApplyFlags) =>
      run(async (context) => (await import('./apply.ts')).apply(file, flags, context)),
    )
  addCameras(
    offline
      .command('remove')
      .description('remove what a bundle has installed, and write a receipt that brings the units back')
      .argument('<bundle>', 'the file')
      .option('--root <fingerprint>', "the platform's root key; needed once on a machine that is not signed in there")
      .option('--app <id>', 'only this app')
      .option('--receipt <file>', 'the receipt'),
  )
    .examples('ocelli offline remove gate.bundle --camera 192.168.1.20 --user admin')
    .action((file: string, flags: RemoveFlags) =>
      run(async (context) => (await import('./apply.ts')).remove(file, flags, context)),
    )
  offline
    .command('report')
    .description('tell the platform what a receipt says')
    .argument('<receipt>', 'the file')
    .examples('ocelli offline report ocelli-receipt.jws')
    .action((file: string) => run(async (context) => (await import('./report.ts')).report(file, context)))
  offline
    .command('bundles')
    .description('bundles that were made, and how many of their licenses a receipt has come back for')
    .examples('ocelli offline bundles')
    .action(() => run(async (context) => (await import('./bundles.ts')).listBundles(context)))
  offline
    .command('show-bundle')
    .description('what a bundle holds, and what became of each app for each camera when it was made')
    .argument('<bundle>', 'bundle id', idFrom('ocelli offline bundles'))
    .examples('ocelli offline show-bundle c2d1...')
    .action((bundleId: string) => run(async (context) => (await import('./bundles.ts')).showBundle(bundleId, context)))
  offline
    .command('keys')
    .description('machines whose receipts count as yours')
    .examples('ocelli offline keys')
    .action(() => run(async (context) => (await import('./bundles.ts')).listSigningKeys(context)))
  offline
    .command('remove-key')
    .description('receipts of that machine count no more')
    .argument('<key>', 'key id')
    .examples('ocelli offline remove-key QmF6... --yes')
    .action((keyId: string) => run(async (context) => (await import('./bundles.ts')).removeSigningKey(keyId, context)))
  offline
    .command('key')
    .description("this machine's public key for receipts, for: ocelli offline enroll-key")
    .examples('ocelli offline key > laptop-key.json')
    .action(() => run(async (context) => (await import('./report.ts')).showKey(context)))
  offline
    .command('enroll-key')
    .description('let receipts of another machine count as yours')
    .argument('<file>', 'what `ocelli offline key` printed there')
    .option('--name <name>', 'which machine it is')
    .examples('ocelli offline enroll-key laptop-key.json --name "Laptop 7"')
    .action((file: string, flags: { name?: string }) =>
      run(async (context) => (await import('./report.ts')).enrollKey(file, flags, context)),
    )
  addCameras(
    addChoice(
      offline
        .command('install')
        .description('all in one go, where this machine reaches both the platform and the cameras')
        .option('--start', 'start the apps'),
    ),
  )
    .examples('ocelli offline install --app com.example.counter --license-type FULL --all --user admin')
    .action((flags: InstallFlags) => run(async (context) => (await import('./install.ts')).install(flags, context)))
}

const addChoice = (command: CliCommand): CliCommand =>
  command
    .requiredOption(
      '--app <id[@version]>',
      'an app, the latest version that fits if none is named; can be repeated',
      collect,
      [],
    )
    .requiredOption('--license-type <type>', 'FULL, TRIAL or SUBSCRIPTION')
    .option('--order <id>', 'the order to take units from; needed for SUBSCRIPTION')
    .option('--valid-days <days>', 'how long the bundle may be applied', wholeNumber, 30)

const addCameras = (command: CliCommand): CliCommand =>
  command
    .option('--camera <address>', 'a camera; can be repeated', collect, [])
    .option('--site <file>', 'the cameras of a site file')
    .option('--all', 'every camera that answers in this network')
    .option('--range <range>', 'with --all, addresses to ask as well; can be repeated', collect, [])
    .option('--wait <seconds>', 'with --all, how long answers are waited for', positiveNumber)
    .requiredOption('--user <name>', 'login of the cameras')
    .option('--password-file <file>', 'its password (else OCELLI_CAMERA_PASSWORD, else asked for)')
    .option('--concurrency <number>', 'cameras worked on at a time', wholeNumber, 4)
