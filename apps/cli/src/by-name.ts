import type { Client } from '@ocelli/sdk'
import { CliError, wrongUsage } from './cli-error.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

interface Named {
  id: string
  name: string
}

/** An id as it is, else the id of the only one that is called so. Throws `not-found`, and `wrong-usage` where several are. */
async function idOf(
  asked: string,
  noun: 'site' | 'gateway' | 'project',
  read: () => Promise<Named[]>,
): Promise<string> {
  if (uuid.test(asked)) return asked
  const all = await read()
  const [only, ...others] = all.filter(({ name }) => name === asked)
  if (only && others.length === 0) return only.id
  if (!only) throw new CliError('not-found', `There is no ${noun} "${asked}".${whatThereIs(all, noun)}`)
  const ids = [only, ...others].map(({ id }) => id).join(', ')
  throw wrongUsage(`Several ${noun}s are called "${asked}". Choose one by its id: ${ids}.`)
}

function whatThereIs(all: Named[], noun: string): string {
  if (all.length === 0) return ` There is none that you see; see: ocelli ${noun}s --help`
  const names = all.slice(0, 8).map(({ name }) => name)
  return ` There ${all.length === 1 ? 'is' : 'are'}: ${names.join(', ')}${all.length > 8 ? ', …' : ''}. See: ocelli ${noun}s list`
}

export const siteIdOf = (asked: string, { sites }: Client): Promise<string> =>
  idOf(asked, 'site', async () => (await sites.list()).map(({ siteId: id, name }) => ({ id, name })))

export const gatewayIdOf = (asked: string, { gateways }: Client): Promise<string> =>
  idOf(asked, 'gateway', async () => {
    const alive = (await gateways.list()).filter(({ revokedAt }) => revokedAt === null)
    return alive.map(({ gatewayId: id, name }) => ({ id, name }))
  })

export const projectIdOf = (asked: string, { projects }: Client): Promise<string> =>
  idOf(asked, 'project', async () => (await projects.list()).map(({ projectId: id, name }) => ({ id, name })))
