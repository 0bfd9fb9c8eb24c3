import { collect } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { TokenFlags } from './tokens.ts'

const people = () => import('./users.ts')
const tokens = () => import('./tokens.ts')

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
    .option('--permission <name>', 'what they may do; can be repeated', collect, [])
    .examples('ocelli users invite bob@example.com --permission devices:view --permission apps:install')
    .action((email: string, flags: { permission: string[] }) =>
      run(async (context) => (await people()).inviteUser(email, flags.permission, context)),
    )
  users
    .command('edit')
    .description('change what a person may do: all permissions anew')
    .argument('<user>', 'user id')
    .requiredOption('--permission <name>', 'what they may do; can be repeated', collect, [])
    .examples('ocelli users edit 90ab... --permission devices:view')
    .action((userId: string, flags: { permission: string[] }) =>
      run(async (context) => (await people()).editUser(userId, flags.permission, context)),
    )
  users
    .command('remove')
    .description('a person no longer belongs to the account')
    .argument('<user>', 'user id')
    .examples('ocelli users remove 90ab... --yes')
    .action((userId: string) => run(async (context) => (await people()).removeUser(userId, context)))

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
    .option('--expires <time>', 'until then, RFC 3339')
    .examples('ocelli tokens create nightly --permission devices:view --expires 2027-01-01T00:00:00Z')
    .action((name: string, flags: TokenFlags) =>
      run(async (context) => (await tokens()).createToken(name, flags, context)),
    )
  own
    .command('revoke')
    .description('a token is good for nothing from now on')
    .argument('<token>', 'token id')
    .examples('ocelli tokens revoke 31cf...')
    .action((tokenId: string) => run(async (context) => (await tokens()).revokeToken(tokenId, context)))
}
