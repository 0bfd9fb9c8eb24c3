import type { Register } from '../../program.ts'
import type { LoginFlags } from './login.ts'

export const registerSession: Register = (program, run) => {
  program
    .command('login')
    .description('sign in by a browser, on this machine or another, and remember it as a profile')
    .option('--no-browser', 'open no browser here; the code can be approved on any machine')
    .option('--email <email>', 'sign in as a person, with the password asked for at the terminal')
    .option('--token', 'sign in with a personal access token: OCELLI_TOKEN, or asked for at the terminal')
    .option('--client-id <id>', 'sign in as a technical user; the secret is OCELLI_CLIENT_SECRET, or asked for')
    .examples(
      'ocelli login --url https://ocelli.example.com   # shows a code, and opens the page to approve it',
      'ocelli login --url https://ocelli.example.com --email ann@example.com',
      'ocelli login --url https://10.0.0.5:8443 --ca 3f:a1:...:9c --profile lab',
      'ocelli login --url https://ocelli.example.com --client-id nightly-updates',
    )
    .action((flags: LoginFlags) => run(async (context) => (await import('./login.ts')).login(flags, context)))
  program
    .command('logout')
    .description('forget the profile here, and revoke its token at the platform')
    .examples('ocelli logout', 'ocelli logout --profile lab')
    .action(() => run(async (context) => (await import('./logout.ts')).logout(context)))
  program
    .command('whoami')
    .description('which platform, which identity, which permissions')
    .examples('ocelli whoami', 'ocelli whoami --json')
    .action(() => run(async (context) => (await import('./whoami.ts')).whoami(context)))
  program
    .command('password')
    .description(
      'change your password; the present and the new one are asked for (else OCELLI_PASSWORD, OCELLI_NEW_PASSWORD)',
    )
    .option('--email <email>', 'whose (else of the one who is signed in)')
    .examples('ocelli password', 'ocelli password --url https://ocelli.example.com --email ann@example.com')
    .action((flags: { email?: string }) =>
      run(async (context) => (await import('./change-password.ts')).changePassword(flags, context)),
    )
  const profiles = program.command('profiles').description('platforms and identities that are remembered here')
  profiles
    .command('list')
    .description('all profiles, without their secrets')
    .examples('ocelli profiles list')
    .action(() => run(async (context) => (await import('./profiles.ts')).listProfiles(context)))
  profiles
    .command('use')
    .description('make a profile the current one')
    .argument('<name>', 'name of the profile')
    .examples('ocelli profiles use lab')
    .action((name: string) => run(async (context) => (await import('./profiles.ts')).useProfile(name, context)))
}
