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
  const meant = named === undefined ? alive : alive.filter((gateway) => isCalled(gateway, named))
  const ofSite = meant.filter((gateway) => gateway.siteId === siteId)
  const candidates = ofSite.length > 0 ? ofSite : meant
  const [only] = candidates
  if (only && candidates.length === 1) return only
  if (only) throw wrongUsage(`There are several gateways${whichOf(candidates, { named, siteId })}`)
  if (named === undefined) throw wrongUsage('There is no gateway yet. Enroll one first.')
  throw new CliError('not-found', `There is no gateway "${named}". See: ocelli gateways list`)
}

const isCalled = ({ gatewayId, name }: Gateway, named: string): boolean =>
  gatewayId === named.toLowerCase() || name === named

/** A new gateway is called after its machine, so several may have one name. */
function whichOf(
  candidates: Gateway[],
  { named, siteId }: { named: string | undefined; siteId: string | null },
): string {
  const called = named === undefined ? '' : ` called "${named}"`
  const ids = candidates.map(({ gatewayId }) => gatewayId).join(', ')
  if (siteId !== null) return `${called} in one site. Choose one by its id with --gateway: ${ids}.`
  return `${called}. Say the site with --site or in the list, or choose a gateway by its id with --gateway: ${ids}.`
}

function ready({ gatewayId, name, sealingKey }: Gateway): ReadyGateway {
  if (sealingKey) return { gatewayId, name, sealingKey }
  throw new CliError(
    'refused',
    `The gateway ${name} has told no key yet. Bring it to the present version and start it once.`,
  )
}
