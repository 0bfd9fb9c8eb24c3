import type { Site } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'

export interface SiteFlags {
  timeZone?: string
  maxInFlight?: number
  downloadRate?: number
  addressRange: string[]
}

export async function listSites({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).sites.list(),
    [
      { heading: 'SITE', value: ({ siteId }) => siteId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'TIME ZONE', value: ({ timeZone }) => timeZone },
      { heading: 'IN FLIGHT', value: ({ maxInFlight }) => maxInFlight, align: 'right' },
      {
        heading: 'BYTES/S',
        value: ({ downloadBytesPerSecond }) => downloadBytesPerSecond ?? 'no limit',
        align: 'right',
      },
      { heading: 'ADDRESS RANGES', value: ({ addressRanges }) => addressRanges },
    ],
    { empty: 'No sites yet. Make one with: ocelli sites create' },
  )
}

export async function createSite(name: string, flags: SiteFlags, { client, out }: CommandContext): Promise<void> {
  const site = await (await client()).sites.create({ name, ...toBody(flags) })
  out.one(site, fields(site))
}

export async function editSite(
  siteId: string,
  { name, ...flags }: SiteFlags & { name?: string },
  { client, out }: CommandContext,
): Promise<void> {
  const given = Object.entries({ name, ...toBody(flags) }).filter(([, value]) => value !== undefined)
  if (given.length === 0) throw wrongUsage('Say what to change; see: ocelli sites edit --help')
  const site = await (await client()).sites.change(siteId, Object.fromEntries(given))
  out.one(site, fields(site))
}

export async function removeSite(siteId: string, { client, confirm, out, say }: CommandContext): Promise<void> {
  await confirm(`Remove the site ${siteId}?`)
  await (await client()).sites.remove(siteId)
  if (out.isJson) out.one({ siteId, removed: true }, [])
  else say(`${siteId} is removed.`)
}

function toBody({ timeZone, maxInFlight, downloadRate, addressRange }: SiteFlags) {
  return {
    ...{ timeZone, maxInFlight, downloadBytesPerSecond: downloadRate },
    addressRanges: addressRange.length > 0 ? addressRange : undefined,
  }
}

const fields = (site: Site): [string, Cell][] => [
  ['site', site.siteId],
  ['name', site.name],
  ['time zone', site.timeZone],
  ['in flight', site.maxInFlight],
  ['bytes/s', site.downloadBytesPerSecond ?? 'no limit'],
  ['address ranges', site.addressRanges],
]
