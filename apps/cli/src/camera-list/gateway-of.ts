import type { Client, Gateway, SealingJwk, Site } from '@ocelli/sdk'
import { CliError, wrongUsage } from '../cli-error.ts'

export interface ReadyGateway {
  gatewayId: string
  name: string
  sealingKey: SealingJwk
}

/** The places that logins can go to, read once. */
export interface Destinations {
  /** By name or id. Throws `wrong-usage`. */
  siteOf(named: string | null): string | null
  /** The named one, or the only one of the site or of the account. Throws `wrong-usage`, `not-found`, `refused`. */
  gatewayOf(siteId: string | null): ReadyGateway
}

export async function readDestinations(client: Client, named: string | undefined): Promise<Destinations> {
  const [sites, all] = await Promise.all([client.sites.list(), client.gateways.list()])
  const alive = all.filter(({ revokedAt }) => revokedAt === null)
  return {
    siteOf: (site) => (site === null ? null : findSite(sites, site).siteId),
    gatewayOf: (siteId) => ready(choose(alive, { named, siteId })),
  }
}

function findSite(sites: Site[], named: string): Site {
  const found = sites.find(({ siteId, name }) => siteId === named.toLowerCase() || name === named)
  if (found) return found
  throw wrongUsage(`There is no site "${named}". Make it first, or see: ocelli sites list`)
}

function choose(alive: Gateway[], { named, siteId }: { named: string | undefined; siteId: string | null }): Gateway {
  if (named !== undefined) {
    const found = alive.find(({ gatewayId, name }) => gatewayId === named.toLowerCase() || name === named)
    if (found) return found
    throw new CliError('not-found', `There is no gateway "${named}". See: ocelli gateways list`)
  }
  const ofSite = alive.filter((gateway) => gateway.siteId === siteId)
  const [only, another] = ofSite.length > 0 ? ofSite : alive
  if (only && !another) return only
  throw wrongUsage(
    only ? 'There are several gateways. Choose with --gateway.' : 'There is no gateway yet. Enroll one first.',
  )
}

function ready({ gatewayId, name, sealingKey }: Gateway): ReadyGateway {
  if (sealingKey) return { gatewayId, name, sealingKey }
  throw new CliError(
    'refused',
    `The gateway ${name} has told no key yet. Bring it to the present version and start it once.`,
  )
}
