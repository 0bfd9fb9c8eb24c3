import type { Register } from '../../program.ts'

const load = () => import('./gateways.ts')

export const registerGateways: Register = (program, run) => {
  const gateways = program.command('gateways').description('agents near the cameras')
  gateways
    .command('list')
    .description('all gateways, and whether they are connected')
    .examples('ocelli gateways list')
    .action(() => run(async (context) => (await load()).listGateways(context)))
  gateways
    .command('show')
    .description('one gateway, and whether it is connected')
    .argument('<gateway>', 'name or id')
    .examples('ocelli gateways show 77ab...')
    .action((gateway: string) => run(async (context) => (await load()).showGateway(gateway, context)))
  gateways
    .command('token')
    .description('make a token that enrolls one gateway of a site within an hour; shown this one time')
    .argument('<site>', 'name or id of the site')
    .examples('ocelli gateways token Harbour', 'OCELLI_ENROLLMENT_TOKEN=$(ocelli gateways token 6f2c...)')
    .action((site: string) => run(async (context) => (await load()).createEnrollmentToken(site, context)))
  gateways
    .command('replace')
    .description(
      "make a token that enrolls a new machine in a gateway's place: it takes over site and cameras; then: reseal",
    )
    .argument('<gateway>', 'name or id')
    .examples('ocelli gateways replace 77ab... --yes')
    .action((gateway: string) => run(async (context) => (await load()).createReplacementToken(gateway, context)))
  gateways
    .command('revoke')
    .description('refuse a gateway from now on')
    .argument('<gateway>', 'name or id')
    .examples('ocelli gateways revoke 77ab... --yes')
    .action((gatewayId: string) => run(async (context) => (await load()).revokeGateway(gatewayId, context)))
  gateways
    .command('recovery-key')
    .description("make the account's recovery key: passwords of cameras are then sealed to it as well")
    .requiredOption('--out <file>', 'where the private key goes; keep it apart from the platform')
    .examples('ocelli gateways recovery-key --out recovery-key.json')
    .action((flags: { out: string }) =>
      run(async (context) => (await import('./reseal.ts')).createRecoveryKey(flags, context)),
    )
  gateways
    .command('reseal')
    .description('give a gateway the logins of its cameras again, after its machine was replaced')
    .argument('<gateway>', 'gateway, by name or id')
    .requiredOption('--key <file>', 'the private recovery key')
    .option('--result <file>', 'write what came of each camera as CSV, without passwords')
    .examples('ocelli gateways reseal 77ab... --key recovery-key.json')
    .action((gateway: string, flags: { key: string; result?: string }) =>
      run(async (context) => (await import('./reseal.ts')).resealGateway(gateway, flags, context)),
    )
}
