import { InvalidArgumentError } from 'commander'
import type { CliCommand } from '../../cli-command.ts'
import { choiceOf, collect, wholeNumber } from '../../flag-values.ts'
import type { Register } from '../../program.ts'
import type { SiteFlags } from './sites.ts'

const load = () => import('./sites.ts')

export const registerSites: Register = (program, run) => {
  const sites = program
    .command('sites')
    .description('places with one local network, and what they may be burdened with')
  sites
    .command('list')
    .description('all sites')
    .examples('ocelli sites list')
    .action(() => run(async (context) => (await load()).listSites(context)))
  sites
    .command('show')
    .description('a site, and what it may be burdened with')
    .argument('<site>', 'name or id')
    .examples('ocelli sites show Harbour')
    .action((site: string) => run(async (context) => (await load()).showSite(site, context)))
  addBudget(sites.command('create').description('a new site').argument('<name>', 'how it is called'))
    .examples('ocelli sites create "Harbour" --time-zone Europe/Riga --max-in-flight 4')
    .action((name: string, flags: SiteFlags) => run(async (context) => (await load()).createSite(name, flags, context)))
  addBudget(
    sites
      .command('edit')
      .description('change a site; lists are given all anew')
      .argument('<site>', 'name or id')
      .option('--name <name>', 'how it is called'),
  )
    .examples('ocelli sites edit Harbour --max-in-flight 8 --download-rate none')
    .action((siteId: string, flags: SiteFlags & { name?: string }) =>
      run(async (context) => (await load()).editSite(siteId, flags, context)),
    )
  sites
    .command('remove')
    .description('refused while it has gateways or devices')
    .argument('<site>', 'name or id')
    .examples('ocelli sites remove Harbour --yes')
    .action((siteId: string) => run(async (context) => (await load()).removeSite(siteId, context)))
}

const addBudget = (command: CliCommand): CliCommand =>
  command
    .option('--time-zone <name>', 'IANA name, such as Europe/Riga (UTC for a new site)')
    .option('--max-in-flight <number>', 'cameras that may be worked on at the same time', wholeNumber)
    .option('--download-rate <bytes>', 'bytes per second that packages may take, or none for no limit', numberOrNone)
    .option('--upload-rate <bytes>', 'bytes per second from gateways to cameras, or none for no limit', numberOrNone)
    .option('--budget-hours <file>', 'other limits in some hours of the week: a JSON file, as the API takes them')
    .addOption(
      choiceOf('--repair <when>', 'what differs by no wish of ours is repaired on request, or at once', [
        'request',
        'auto',
      ]),
    )
    .option('--address-range <range>', 'where lost cameras are looked for; can be repeated', collect, [])

/** Not null, which commander takes for a flag without a value. */
function numberOrNone(text: string): number | 'none' {
  if (text === 'none') return text
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It must be a whole number of bytes, or none.')
}
