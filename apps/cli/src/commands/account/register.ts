import { idFrom } from '../../flag-values.ts'
import type { Register } from '../../program.ts'

const load = () => import('./account.ts')

export const registerAccount: Register = (program, run) => {
  const account = program.command('account').description('the own account')
  account
    .command('show')
    .description('what it is called, and its id, which others need to offer it a camera')
    .examples('ocelli account show')
    .action(() => run(async (context) => (await load()).showOwnAccount(context)))
  account
    .command('rename')
    .description('call it otherwise')
    .argument('<name>', 'how it is called from now on')
    .examples('ocelli account rename "Harbour Security"')
    .action((name: string) => run(async (context) => (await load()).renameOwnAccount(name, context)))

  const accounts = program
    .command('accounts')
    .description('all accounts of the installation; for the instance administrator (platform:operate)')
  accounts
    .command('list')
    .description('all accounts')
    .examples('ocelli accounts list')
    .action(() => run(async (context) => (await load()).listAccounts(context)))
  accounts
    .command('show')
    .description('one account')
    .argument('<account>', 'account id', idFrom('ocelli accounts list'))
    .examples('ocelli accounts show 4e0a...')
    .action((accountId: string) => run(async (context) => (await load()).showAccount(accountId, context)))
  accounts
    .command('create')
    .description('a new account, with a link that lets its first administrator in; shown this one time')
    .argument('<name>', 'how it is called')
    .requiredOption('--administrator <email>', 'e-mail address of its first administrator')
    .examples('ocelli accounts create "Harbour Security" --administrator ann@example.com')
    .action((name: string, flags: { administrator: string }) =>
      run(async (context) => (await load()).createAccount(name, flags, context)),
    )
  accounts
    .command('rename')
    .description('call an account otherwise')
    .argument('<account>', 'account id', idFrom('ocelli accounts list'))
    .argument('<name>', 'how it is called from now on')
    .examples('ocelli accounts rename 4e0a... "Harbour Security"')
    .action((accountId: string, name: string) =>
      run(async (context) => (await load()).renameAccount({ accountId, name }, context)),
    )
  accounts
    .command('suspend')
    .description('refuse its people and machines, until it is resumed; nothing of it is lost')
    .argument('<account>', 'account id', idFrom('ocelli accounts list'))
    .examples('ocelli accounts suspend 4e0a... --yes')
    .action((accountId: string) => run(async (context) => (await load()).suspendAccount(accountId, context)))
  accounts
    .command('resume')
    .description('let a suspended account in again')
    .argument('<account>', 'account id', idFrom('ocelli accounts list'))
    .examples('ocelli accounts resume 4e0a...')
    .action((accountId: string) => run(async (context) => (await load()).resumeAccount(accountId, context)))
}
