import { collect, idFrom } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { AcceptFlags } from './invitations.ts'
import type { TokenFlags } from './tokens.ts'
import type { EditUserFlags } from './users.ts'

const people = () => import('./users.ts')
const tokens = () => import('./tokens.ts')
const invited = () => import('./invitations.ts')

export const registerPeople: Register = (program, run) => {
  const users = program.command('users').description('people of the account')
  users
    .command('list')
    .description('people and what they may do')
    .examples('ocelli users list')
    .action(() => run(async (context) => (await people()).listUsers(context)))
  users
    .command('invite')
    .description('make a link that lets a person in; shown this one time, good for seven days')
    .argument('<email>', 'e-mail address')
    .option('--permission <name>', 'what they may do; can be repeated; see: ocelli permissions', collect, [])
    .examples('ocelli users invite bob@example.com --permission devices:view --permission apps:install')
    .action((email: string, flags: { permission: string[] }) =>
      run(async (context) => (await people()).inviteUser(email, flags.permission, context)),
    )
  users
    .command('show')
    .description('a person, what they may do, and their projects')
    .argument('<user>', 'user id', idFrom('ocelli users list'))
    .examples('ocelli users show 90ab...')
    .action((userId: string) => run(async (context) => (await people()).showUser(userId, context)))
  users
    .command('edit')
    .description('change what a person may do, or how they are called')
    .argument('<user>', 'user id', idFrom('ocelli users list'))
    .option('--permission <name>', 'what they may do, all anew; can be repeated; see: ocelli permissions', collect, [])
    .option('--add-permission <name>', 'one more; can be repeated', collect, [])
    .option('--remove-permission <name>', 'one less; can be repeated', collect, [])
    .option('--first-name <name>', 'first name')
    .option('--last-name <name>', 'last name')
    .examples(
      'ocelli users edit 90ab... --permission devices:view --permission apps:view',
      'ocelli users edit 90ab... --add-permission apps:install',
    )
    .action((userId: string, flags: EditUserFlags) =>
      run(async (context) => (await people()).editUser(userId, flags, context)),
    )
  users
    .command('remove')
    .description('a person no longer belongs to the account')
    .argument('<user>', 'user id', idFrom('ocelli users list'))
    .examples('ocelli users remove 90ab... --yes')
    .action((userId: string) => run(async (context) => (await people()).removeUser(userId, context)))

  const invitations = program.command('invitations').description('people who were invited and have not joined yet')
  invitations
    .command('list')
    .description('invitations, without their links')
    .examples('ocelli invitations list')
    .action(() => run(async (context) => (await invited()).listInvitations(context)))
  invitations
    .command('revoke')
    .description('its link lets nobody in any more')
    .argument('<invitation>', 'invitation id', idFrom('ocelli invitations list'))
    .examples('ocelli invitations revoke 6a3c...')
    .action((invitationId: string) => run(async (context) => (await invited()).revokeInvitation(invitationId, context)))
  invitations
    .command('accept')
    .description('join the account that has invited you, and choose a password (OCELLI_NEW_PASSWORD, or asked for)')
    .argument('<link>', 'the link that was handed to you')
    .requiredOption('--first-name <name>', 'first name')
    .requiredOption('--last-name <name>', 'last name')
    .examples(
      'ocelli invitations accept "https://ocelli.example.com/invitation#oin_..." --first-name Ann --last-name Lee',
    )
    .action((link: string, flags: AcceptFlags) =>
      run(async (context) => (await invited()).acceptInvitation(link, flags, context)),
    )
  program
    .command('permissions')
    .description('all permissions, what they allow, and which of them you hold')
    .examples('ocelli permissions')
    .action(() => run(async (context) => (await import('./permissions.ts')).listPermissions(context)))

  const own = program.command('tokens').description('your own personal access tokens')
  own
    .command('list')
    .description('tokens, without their secrets')
    .examples('ocelli tokens list')
    .action(() => run(async (context) => (await tokens()).listTokens(context)))
  own
    .command('create')
    .description('make a token; shown this one time')
    .argument('<name>', 'what it is for')
    .option('--permission <name>', 'may only do this; can be repeated (else all that you may)', collect, [])
    .option('--expires <time>', 'until this time, date, or for so long, such as 90d')
    .examples('ocelli tokens create nightly --permission devices:view --expires 90d')
    .action((name: string, flags: TokenFlags) =>
      run(async (context) => (await tokens()).createToken(name, flags, context)),
    )
  own
    .command('revoke')
    .description('a token is good for nothing from now on')
    .argument('<token>', 'token id', idFrom('ocelli tokens list'))
    .examples('ocelli tokens revoke 31cf...')
    .action((tokenId: string) => run(async (context) => (await tokens()).revokeToken(tokenId, context)))
}
