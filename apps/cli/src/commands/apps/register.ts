import { choiceOf, collect, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { DownloadFlags } from './download-app.ts'
import type { EditAppFlags } from './edit-app.ts'
import type { ListAppsFlags } from './list-apps.ts'
import type { PublishFlags } from './publish-app.ts'

export const registerApps: Register = (program, run) => {
  const apps = program.command('apps').description('apps: own ones, listed ones and those bought')
  apps
    .command('list')
    .description('apps that the account can see')
    .option('--own', "only the account's own")
    .option('--others', 'only those of other accounts')
    .option('--search <text>', 'with this text in id, name or description')
    .option('--industry <name>', 'for this industry')
    .option('--use-case <name>', 'for this use')
    .option('--limit <number>', 'so many at most', wholeNumber)
    .examples('ocelli apps list', 'ocelli apps list --own --json')
    .action((flags: ListAppsFlags) => run(async (context) => (await import('./list-apps.ts')).listApps(flags, context)))
  apps
    .command('show')
    .description('an app with its versions and packages')
    .argument('<app>', 'app id')
    .examples('ocelli apps show com.example.counter')
    .action((appId: string) => run(async (context) => (await import('./show-app.ts')).showApp(appId, context)))
  apps
    .command('publish')
    .description('upload packages (.apk, .eap); what they are is read from the files')
    .argument('<files...>', 'package files')
    .addOption(choiceOf('--visibility <who>', 'who sees a new app', ['PRIVATE', 'LISTED']))
    .option('--name <name>', 'how a new app is called (else as its package says)')
    .examples('ocelli apps publish counter-4.1.apk', 'ocelli apps publish counter_4_1_*.eap --visibility LISTED')
    .action((files: string[], flags: PublishFlags) =>
      run(async (context) => (await import('./publish-app.ts')).publishApps(files, flags, context)),
    )
  apps
    .command('edit')
    .description("change an own app's listing; an empty text takes a value away")
    .argument('<app>', 'app id')
    .option('--name <name>', 'how it is called')
    .option('--short <text>', 'what it is, in a sentence')
    .option('--description <file>', 'what it is, at length: a text file')
    .addOption(choiceOf('--visibility <who>', 'who sees it', ['PRIVATE', 'LISTED']))
    .option('--trial-days <number>', 'how long a TRIAL runs', wholeNumber)
    .option('--website <url>', 'its page')
    .option('--video <url>', 'a film about it')
    .option('--industry <name>', 'for this industry, all anew; can be repeated', collect, [])
    .option('--use-case <name>', 'for this use, all anew; can be repeated', collect, [])
    .option(
      '--license-in <place>',
      'where cameras that do not protect the app put its license: none, camera, parameter:<name> or path:<path>',
    )
    .examples(
      'ocelli apps edit com.example.counter --visibility LISTED --short "Counts people and cars"',
      'ocelli apps edit objectcounter --license-in parameter:License',
    )
    .action((appId: string, flags: EditAppFlags) =>
      run(async (context) => (await import('./edit-app.ts')).editApp(appId, flags, context)),
    )
  apps
    .command('withdraw')
    .description('a version is not installed any more; where it is, it stays')
    .argument('<app>', 'app id')
    .argument('<version>', 'version')
    .examples('ocelli apps withdraw com.example.counter 4.1.0 --yes')
    .action((appId: string, version: string) =>
      run(async (context) => (await import('./edit-app.ts')).withdrawVersion({ appId, version }, context)),
    )
  apps
    .command('download')
    .description('save a package; goes on where an earlier download was broken off, and checks its SHA-256')
    .argument('<app>', 'app id')
    .option('--version <version>', 'this version (else the newest)')
    .option('--architecture <name>', 'for this architecture')
    .option('--device <id>', 'the one that fits this camera')
    .option('--output <file>', 'where to (else <app>-<version> in this folder)')
    .examples('ocelli apps download com.example.counter --version 4.1.0 --output counter.apk')
    .action((appId: string, flags: DownloadFlags) =>
      run(async (context) => (await import('./download-app.ts')).downloadApp(appId, flags, context)),
    )
}
