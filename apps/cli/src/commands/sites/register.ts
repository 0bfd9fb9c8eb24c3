import { collect, wholeNumber } from '../../flag-values.ts'
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
    .command('create')
    .description('a new site')
    .argument('<name>', 'how it is called')
    .option('--time-zone <name>', 'IANA name, such as Europe/Riga (else UTC)')
    .option('--max-in-flight <number>', 'cameras that may be worked on at the same time', wholeNumber)
    .option('--download-rate <bytes>', 'bytes per second that packages may take', wholeNumber)
    .option('--address-range <range>', 'where lost cameras are looked for; can be repeated', collect, [])
    .examples('ocelli sites create "Harbour" --time-zone Europe/Riga --max-in-flight 4')
    .action((name: string, flags: SiteFlags) => run(async (context) => (await load()).createSite(name, flags, context)))
  sites
    .command('edit')
    .description('change a site')
    .argument('<site>', 'site id')
    .option('--name <name>', 'how it is called')
    .option('--time-zone <name>', 'IANA name')
    .option('--max-in-flight <number>', 'cameras that may be worked on at the same time', wholeNumber)
    .option('--download-rate <bytes>', 'bytes per second that packages may take', wholeNumber)
    .option('--address-range <range>', 'where lost cameras are looked for, all anew; can be repeated', collect, [])
    .examples('ocelli sites edit 6f2c... --max-in-flight 8')
    .action((siteId: string, flags: SiteFlags & { name?: string }) =>
      run(async (context) => (await load()).editSite(siteId, flags, context)),
    )
  sites
    .command('remove')
    .description('refused while it has gateways or devices')
    .argument('<site>', 'site id')
    .examples('ocelli sites remove 6f2c... --yes')
    .action((siteId: string) => run(async (context) => (await load()).removeSite(siteId, context)))
}
