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
  const [only, ...others] = (await read()).filter(({ name }) => name === asked)
  if (only && others.length === 0) return only.id
  if (!only) throw new CliError('not-found', `There is no ${noun} "${asked}". See: ocelli ${noun}s list`)
  const ids = [only, ...others].map(({ id }) => id).join(', ')
  throw wrongUsage(`Several ${noun}s are called "${asked}". Choose one by its id: ${ids}.`)
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
