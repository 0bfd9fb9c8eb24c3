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
    .command('token')
    .description('make a token that enrolls one gateway of a site within an hour; shown this one time')
    .argument('<site>', 'site id')
    .examples('ocelli gateways token 6f2c...', 'OCELLI_ENROLLMENT_TOKEN=$(ocelli gateways token 6f2c...)')
    .action((siteId: string) => run(async (context) => (await load()).createEnrollmentToken(siteId, context)))
  gateways
    .command('revoke')
    .description('refuse a gateway from now on')
    .argument('<gateway>', 'gateway id')
    .examples('ocelli gateways revoke 77ab... --yes')
    .action((gatewayId: string) => run(async (context) => (await load()).revokeGateway(gatewayId, context)))
}
