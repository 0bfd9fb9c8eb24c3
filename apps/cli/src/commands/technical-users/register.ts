import { collect } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { NewTechnicalUserFlags } from './technical-users.ts'

const load = () => import('./technical-users.ts')

export const registerTechnicalUsers: Register = (program, run) => {
  const machines = program.command('technical-users').description('identities of machines: client id and secret')
  machines
    .command('list')
    .description('technical users and what they may do, without their secrets')
    .examples('ocelli technical-users list')
    .action(() => run(async (context) => (await load()).listTechnicalUsers(context)))
  machines
    .command('create')
    .description('a new one, for the whole account or for some projects; its secret is shown this one time')
    .argument('<name>', 'what it is for')
    .requiredOption('--permission <name>', 'what it may do; can be repeated; see: ocelli permissions', collect, [])
    .option('--project <project>', 'only there, by name or id; can be repeated (else the whole account)', collect, [])
    .examples(
      'ocelli technical-users create "Nightly updates" --permission devices:view --permission apps:view --permission apps:install',
      'ocelli technical-users create "Harbour VMS" --permission devices:view --project Harbour --json > secret.json',
    )
    .action((name: string, flags: NewTechnicalUserFlags) =>
      run(async (context) => (await load()).createTechnicalUser(name, flags, context)),
    )
  machines
    .command('renew-secret')
    .description('a new secret, shown this one time; the old one ends at once')
    .argument('<client>', 'client id')
    .examples('ocelli technical-users renew-secret 8d1f... --yes')
    .action((clientId: string) => run(async (context) => (await load()).renewSecret(clientId, context)))
  machines
    .command('remove')
    .description('what signs in with it is refused from then on')
    .argument('<client>', 'client id')
    .examples('ocelli technical-users remove 8d1f... --yes')
    .action((clientId: string) => run(async (context) => (await load()).removeTechnicalUser(clientId, context)))
}
