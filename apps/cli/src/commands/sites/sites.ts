import type { Site, SiteBody, SiteBudgetHours } from '@ocelli/sdk'
import { siteIdOf } from '../../by-name.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'
import { readNamedJson } from '../../read-named-file.ts'

/** Bytes per second. */
type Rate = number | 'none'

const rateOf = (rate: Rate | undefined): number | null | undefined => (rate === 'none' ? null : rate)

export interface SiteFlags {
  timeZone?: string
  maxInFlight?: number
  /** bytes per second */
  downloadRate?: Rate
  uploadRate?: Rate
  addressRange: string[]
  repair?: Site['repair']
  budgetHours?: string
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

export async function showSite(asked: string, { client: connect, out }: CommandContext): Promise<void> {
  const client = await connect()
  const site = await client.sites.get(await siteIdOf(asked, client))
  out.one(site, fields(site))
}

export async function createSite(name: string, flags: SiteFlags, context: CommandContext): Promise<void> {
  const body = { name, ...(await toBody(flags, context)) }
  const site = await (await context.client()).sites.create(body)
  context.out.one(site, fields(site))
}

export async function editSite(
  asked: string,
  { name, ...flags }: SiteFlags & { name?: string },
  context: CommandContext,
): Promise<void> {
  const body = { name, ...(await toBody(flags, context)) }
  const given = Object.entries(body).filter(([, value]) => value !== undefined)
  if (given.length === 0) throw wrongUsage('Say what to change; see: ocelli sites edit --help')
  const client = await context.client()
  const site = await client.sites.change(await siteIdOf(asked, client), Object.fromEntries(given))
  context.out.one(site, fields(site))
}

export async function removeSite(asked: string, { client: connect, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Remove the site ${asked}?`)
  const client = await connect()
  const siteId = await siteIdOf(asked, client)
  await client.sites.remove(siteId)
  out.done({ siteId, removed: true }, `${asked} is removed.`)
}

async function toBody(
  { timeZone, maxInFlight, downloadRate, uploadRate, addressRange, repair, budgetHours }: SiteFlags,
  context: CommandContext,
): Promise<Partial<SiteBody>> {
  return {
    ...{
      timeZone,
      maxInFlight,
      downloadBytesPerSecond: rateOf(downloadRate),
      uploadBytesPerSecond: rateOf(uploadRate),
      repair,
    },
    budgetHours: budgetHours === undefined ? undefined : await readBudgetHours(budgetHours, context),
    addressRanges: addressRange.length > 0 ? addressRange : undefined,
  }
}

/** What is in it is judged by the platform, field by field. */
async function readBudgetHours(file: string, context: CommandContext): Promise<SiteBody['budgetHours']> {
  const hours = await readNamedJson(file, context)
  if (Array.isArray(hours)) return hours as SiteBody['budgetHours']
  throw wrongUsage(
    `--budget-hours: ${file} is not a JSON array such as [{"days": ["MON"], "from": "08:00", "to": "18:00", "maxInFlight": 1}].`,
  )
}

const hoursText = ({
  days,
  from,
  to,
  maxInFlight,
  downloadBytesPerSecond,
  uploadBytesPerSecond,
}: SiteBudgetHours): string =>
  [
    `${days?.join('+') ?? 'daily'} ${from}-${to}:`,
    ...(maxInFlight == null ? [] : [`${maxInFlight} in flight`]),
    ...(downloadBytesPerSecond == null ? [] : [`${downloadBytesPerSecond} bytes/s`]),
    ...(uploadBytesPerSecond == null ? [] : [`${uploadBytesPerSecond} bytes/s to cameras`]),
  ].join(' ')

const fields = (site: Site): [string, Cell][] => [
  ['site', site.siteId],
  ['name', site.name],
  ['time zone', site.timeZone],
  ['in flight', site.maxInFlight],
  ['bytes/s', site.downloadBytesPerSecond ?? 'no limit'],
  ['bytes/s to cameras', site.uploadBytesPerSecond ?? 'no limit'],
  ['budget hours', site.budgetHours.map(hoursText)],
  ['repair', site.repair],
  ['address ranges', site.addressRanges],
  ['created', site.createdAt],
]
