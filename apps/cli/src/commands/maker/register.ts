import { wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { GrantFlags } from './maker.ts'

export const registerMaker: Register = (program, run) => {
  const maker = program.command('maker').description('for app makers: keys and grants; needs no platform')
  maker
    .command('keygen')
    .description('make the key that your apps trust')
    .requiredOption('--out <file>', 'the private key; keep it off networks, and never lose it')
    .examples('ocelli maker keygen --out maker-key.json')
    .action((flags: { out: string }) =>
      run(async (context) => (await import('./maker.ts')).makeMakerKey(flags, context)),
    )
  maker
    .command('public-key')
    .description('the public half: for your apps, and for the platforms that import your grants')
    .requiredOption('--key <file>', 'the private key')
    .examples('ocelli maker public-key --key maker-key.json > maker-public.json')
    .action((flags: { key: string }) =>
      run(async (context) => (await import('./maker.ts')).showMakerKey(flags, context)),
    )
  maker
    .command('grant')
    .description("sign what a customer has bought, for that customer's platform only")
    .requiredOption('--key <file>', 'the private key')
    .requiredOption('--app <id>', 'your app')
    .requiredOption('--license-type <type>', 'FULL, TRIAL or SUBSCRIPTION')
    .requiredOption('--quantity <units>', 'how many devices', wholeNumber)
    .requiredOption(
      '--root <fingerprint>',
      "the platform's root key, as the customer's `ocelli-platform keys show` prints it",
    )
    .option('--order <text>', 'the order: its id at the platform, which is then confirmed, or your own number', '')
    .option('--term-days <days>', 'SUBSCRIPTION: how long, from import', wholeNumber)
    .option('--expires-days <days>', 'how long it may be imported', wholeNumber, 90)
    .examples(
      'ocelli maker grant --key maker-key.json --app com.example.counter --license-type FULL --quantity 50 --root QmF6... > grant.jws',
      'ocelli maker grant --key maker-key.json --app com.example.counter --license-type SUBSCRIPTION --quantity 5 --term-days 365 --root QmF6... --order 2026-117',
    )
    .action((flags: GrantFlags) => run(async (context) => (await import('./maker.ts')).makeGrant(flags, context)))
  const grants = program.command('grants').description("app makers' grants: orders that confirm themselves")
  grants
    .command('import')
    .description('take a grant in; the order it is for is confirmed by it')
    .argument('<file>', 'the grant')
    .examples('ocelli grants import grant.jws')
    .action((file: string) => run(async (context) => (await import('./grants.ts')).importGrant(file, context)))
  grants
    .command('list')
    .description('grants of the account')
    .examples('ocelli grants list')
    .action(() => run(async (context) => (await import('./grants.ts')).listGrants(context)))
  grants
    .command('trust')
    .description("believe grants of an own app that this key signs (the app's publisher does this)")
    .argument('<app>', 'app id')
    .argument('<file>', 'the public key, as `ocelli maker public-key` prints it')
    .examples('ocelli grants trust com.example.counter maker-public.json')
    .action((appId: string, file: string) =>
      run(async (context) => (await import('./grants.ts')).trustMaker(appId, file, context)),
    )
  grants
    .command('trusted')
    .description('keys that grants of an app are believed from')
    .argument('<app>', 'app id')
    .examples('ocelli grants trusted com.example.counter')
    .action((appId: string) => run(async (context) => (await import('./grants.ts')).listMakerKeys(appId, context)))
  grants
    .command('distrust')
    .description('grants that this key signs are imported no more')
    .argument('<app>', 'app id')
    .argument('<key>', 'key id')
    .examples('ocelli grants distrust com.example.counter QmF6... --yes')
    .action((appId: string, keyId: string) =>
      run(async (context) => (await import('./grants.ts')).distrustMaker({ appId, keyId }, context)),
    )
}
