import type { Client } from '@ocelli/sdk'
import { describe, expect, it } from 'vitest'
import { readDestinations } from './gateway-of.ts'

const [riga, denver] = ['5172e000-0000-4000-8000-000000000001', '5172e000-0000-4000-8000-000000000002'] as const
const gateway = (digit: number, name: string, siteId: string) => ({
  ...{ gatewayId: `6a7e0000-0000-4000-8000-00000000000${digit}`, name, siteId },
  ...{ revokedAt: null, sealingKey: { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) } },
})

/** What the platform knows. Only what is read of it is there. */
const platformWith = (...gateways: ReturnType<typeof gateway>[]) =>
  ({ sites: { list: async () => [] }, gateways: { list: async () => gateways } }) as unknown as Client

const chosen = async (client: Client, { named, siteId = null }: { named?: string; siteId?: string | null }) =>
  (await readDestinations(client, named)).gatewayOf(siteId).gatewayId.at(-1)

describe('the gateway that a login goes to', () => {
  const client = platformWith(gateway(1, 'vm', riga), gateway(2, 'vm', denver), gateway(3, 'roof', denver))

  it.each([
    ['the only one of the site', { siteId: riga }, '1'],
    ['the one that is named', { named: 'roof' }, '3'],
    ['of those of one name the one of the site', { named: 'vm', siteId: denver }, '2'],
    ['the one of that id, whatever the site', { named: gateway(1, 'vm', riga).gatewayId, siteId: denver }, '1'],
  ])('is %s', async (_, asked, digit) => {
    expect(await chosen(client, asked)).toBe(digit)
  })

  it.each([
    ['no site and no name are given', {}, 'Say the site with --site'],
    ['several have that name', { named: 'vm' }, 'several gateways called "vm"'],
    ['several are in the site', { siteId: denver }, 'Choose one by its id with --gateway'],
    ['none has that name', { named: 'cellar' }, 'There is no gateway "cellar"'],
  ])('is not guessed where %s', async (_, asked, told) => {
    await expect(chosen(client, asked)).rejects.toThrow(told)
  })
})
