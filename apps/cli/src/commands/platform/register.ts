import type { Register } from '../../program.ts'

const load = () => import('./platform.ts')

export const registerPlatform: Register = (program, run) => {
  const platform = program.command('platform').description('the platform itself')
  platform
    .command('health')
    .description('whether it answers, and everything that it needs; ends with 5 when not')
    .examples('ocelli platform health', 'ocelli platform health --url https://ocelli.example.com')
    .action(() => run(async (context) => (await load()).showHealth(context)))
  platform
    .command('ca')
    .description('the CA of its own, as PEM, and its fingerprint; compare that over another way before you trust it')
    .examples('ocelli platform ca > ocelli-ca.pem')
    .action(() => run(async (context) => (await load()).showCa(context)))
  platform
    .command('keys')
    .description('public keys that license files are verified with')
    .examples('ocelli platform keys > jwks.json')
    .action(() => run(async (context) => (await load()).showLicenseKeys(context)))
  platform
    .command('metrics')
    .description('measurements as Prometheus reads them; for the instance administrator')
    .examples('ocelli platform metrics')
    .action(() => run(async (context) => (await load()).showMetrics(context)))
}
