import type { Finding } from '@ocelli/driver'
import { awaitLinkLocal, createNamespaces, type NetworkNamespaces } from '@ocelli/driver/test-suite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const program = (file: string) => new URL(`./namespaces/${file}`, import.meta.url)
const made = await createNamespaces('here', 'four', 'six', 'both', 'bare')
if (made.kind === 'impossible') process.stderr.write(`Skipped: ${made.reason}\n`)

const serials = { four: 'ACCC8E000004', six: 'ACCC8E000006', both: 'ACCC8E000046', bare: 'ACCC8E000080' }

describe.skipIf(made.kind === 'impossible')('Axis cameras on networks of both kinds', () => {
  const net = (made.kind === 'made' ? made.net : null) as NetworkNamespaces
  let findings: Finding[]

  beforeAll(async () => {
    const cables: [string, string[], string[]][] = [
      ['four', ['10.78.1.1/24'], ['10.78.1.7/24']],
      ['six', ['fd78:2::1/64'], ['fd78:2::7/64']],
      ['both', ['10.78.3.1/24', 'fd78:3::1/64'], ['10.78.3.7/24', 'fd78:3::7/64']],
      // link-local addresses only, which every interface has
      ['bare', [], []],
    ]
    for (const [namespace, near, far] of cables) {
      await net.join({ namespace: 'here', addresses: near }, { namespace, addresses: far })
    }
    for (const name of ['here', 'six', 'both', 'bare']) await awaitLinkLocal(net, name)
    for (const [name, ...families] of [
      ['four', 'IPv4'],
      ['six', 'IPv6'],
      ['both', 'IPv4', 'IPv6'],
      ['bare', 'IPv6'],
    ] as const) {
      const started = await net.start(name, program('run-camera.ts'), serials[name], ...families)
      expect(JSON.parse(started)).toEqual({ responders: families.length })
    }
    findings = JSON.parse(await net.start('here', program('run-search.ts'))) as Finding[]
  }, 60_000)
  afterAll(() => net?.remove())

  const found = (name: keyof typeof serials) => findings.find(({ serialNumber }) => serialNumber === serials[name])

  test('are found by multicast DNS and SSDP over IPv4 and over IPv6, each once', () => {
    expect(findings.map(({ serialNumber }) => serialNumber).sort()).toEqual(Object.values(serials).sort())
    for (const { foundBy } of findings) expect([...foundBy].sort()).toEqual(['mdns', 'ssdp'])
  })

  test('are reached at an address that holds everywhere, and what is left out is told with the reason', () => {
    expect(found('four')).toMatchObject({ addresses: ['http://10.78.1.7'], answeredFrom: ['10.78.1.7'] })
    expect(found('four')?.leftOut).toBeUndefined()
    const six = found('six')
    expect(six).toMatchObject({ addresses: ['http://[fd78:2::7]'], model: 'P3265-V', needsFirstPassword: false })
    expect(six?.answeredFrom).toEqual([expect.stringMatching(/^fe80:.*%/)])
    const [address] = six?.answeredFrom ?? []
    expect(six?.leftOut).toEqual([{ address, reason: expect.stringContaining('http://[fd78:2::7] is used instead') }])
  })

  test('a camera of both kinds is one, at all of its addresses', () => {
    const both = found('both')
    expect(both?.addresses).toContain('http://10.78.3.7')
    expect(both?.answeredFrom).toEqual(expect.arrayContaining(['10.78.3.7', expect.stringMatching(/^fe80:.*%/)]))
  })

  test('a camera that has a link-local address only is told, with what to do', () => {
    const bare = found('bare')
    expect(bare?.addresses).toEqual([])
    expect(bare?.leftOut).toEqual([
      { address: expect.stringMatching(/^fe80:.*%/), reason: expect.stringContaining('give it an IPv4 address') },
    ])
  })
})
