import type { Finding } from '@ocelli/driver'
import { awaitLinkLocal, createNamespaces, type NetworkNamespaces } from '@ocelli/driver/test-suite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const program = (file: string) => new URL(`./namespaces/${file}`, import.meta.url)
const made = await createNamespaces('here', 'router', 'four', 'six', 'far')
if (made.kind === 'impossible') process.stderr.write(`Skipped: ${made.reason}\n`)

interface Started {
  endpointId: string
  responders: number
}

describe.skipIf(made.kind === 'impossible')('cameras on other networks', () => {
  const net = (made.kind === 'made' ? made.net : null) as NetworkNamespaces
  const cameras = new Map<string, string>()

  beforeAll(async () => {
    // Two local networks with a camera each, and one behind a router, which passes on no multicast.
    await net.join(
      { namespace: 'here', addresses: ['10.77.1.1/24'] },
      { namespace: 'four', addresses: ['10.77.1.7/24'] },
    )
    await net.join(
      { namespace: 'here', addresses: ['fd77:2::1/64', '10.77.2.1/24'] },
      { namespace: 'six', addresses: ['fd77:2::7/64', '10.77.2.7/24'] },
    )
    await net.join(
      { namespace: 'here', addresses: ['10.77.3.1/24'] },
      { namespace: 'router', addresses: ['10.77.3.2/24'] },
    )
    await net.join(
      { namespace: 'router', addresses: ['10.77.4.2/24'] },
      { namespace: 'far', addresses: ['10.77.4.7/24'] },
    )
    // not by sysctl, which is no part of a small machine
    await net.run('router', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    await net.run('here', 'ip', 'route', 'add', '10.77.4.0/24', 'via', '10.77.3.2')
    await net.run('far', 'ip', 'route', 'add', 'default', 'via', '10.77.4.2')
    for (const name of ['here', 'six']) await awaitLinkLocal(net, name)
    for (const [name, ...families] of [
      ['four', 'IPv4'],
      ['six', 'IPv6'],
      ['far', 'IPv4', 'IPv6'],
    ] as const) {
      const { endpointId, responders } = JSON.parse(
        await net.start(name, program('run-camera.ts'), name, ...families),
      ) as Started
      expect(responders).toBe(families.length)
      cameras.set(name, `urn:uuid:${endpointId}`)
    }
  }, 60_000)
  afterAll(() => net?.remove())

  const search = async (...args: string[]): Promise<Finding[]> =>
    JSON.parse(await net.start('here', program('run-search.ts'), ...args)) as Finding[]
  const found = (findings: Finding[], name: string) =>
    findings.find(({ endpointReference }) => endpointReference === cameras.get(name))

  test('are found by multicast on every interface, over IPv4 and over IPv6, once each', async () => {
    const findings = await search('multicast')
    expect(findings).toHaveLength(2)
    expect(found(findings, 'four')).toMatchObject({
      ...{ addresses: ['http://10.77.1.7'], answeredFrom: ['10.77.1.7'], foundBy: ['ws-discovery'], runsApps: true },
    })
    const six = found(findings, 'six')
    expect(six?.addresses).toContain('http://[fd77:2::7]')
    expect(six?.answeredFrom[0]).toMatch(/^fe80:.*%/)
    expect(six).toMatchObject({ drivers: ['onvif'], needsFirstPassword: false, runsApps: true })
    expect(found(findings, 'far')).toBeUndefined()
  })

  test('are found in a range where multicast does not come, and not twice where it does', async () => {
    const findings = await search('multicast', '10.77.4.0/28', '10.77.1.0/29')
    expect(findings).toHaveLength(3)
    expect(found(findings, 'far')).toMatchObject({
      ...{ addresses: ['http://10.77.4.7'], foundBy: ['address'], runsApps: true },
      // A unicast Probe tells what only scopes say without a login.
      ...{ model: 'SIM-1', answeredFrom: ['10.77.4.7'] },
    })
  })

  test('are found over IPv6 by a range', async () => {
    const findings = await search('quiet', 'fd77:2::/124')
    expect(findings.map(({ addresses }) => addresses[0])).toEqual(['http://[fd77:2::7]'])
  })
})
