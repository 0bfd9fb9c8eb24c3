import { resolve } from 'node:path'
import type { License, LicenseQuery, LicenseType, Pair } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { readTime } from '../../flag-values.ts'
import { atMost } from '../../output/at-most.ts'
import type { Cell, Column } from '../../output/table.ts'
import { writePrivateFile } from '../../profile/private-file.ts'
import { checkedByText } from './checked-by.ts'

export interface CreateLicenseFlags {
  licenseType: LicenseType
  order?: string
}

export interface DownloadLicenseFlags {
  output?: string
}

export async function listQuantities(appId: string | undefined, { client, out }: CommandContext): Promise<void> {
  const { licenseQuantities } = await client()
  const quantities = appId === undefined ? await licenseQuantities.list() : await licenseQuantities.ofApp(appId)
  await out.list(
    quantities,
    [
      { heading: 'APP', value: (quantity) => quantity.appId },
      { heading: 'NAME', value: ({ appName }) => appName },
      { heading: 'TYPE', value: ({ licenseType }) => licenseType },
      { heading: 'TOTAL', value: ({ total }) => total, align: 'right' },
      { heading: 'USED', value: ({ used }) => used, align: 'right' },
      { heading: 'FREE', value: ({ free }) => free, align: 'right' },
      {
        heading: 'ORDERS WITH FREE UNITS',
        value: ({ orders }) => orders.filter(({ free }) => free > 0).map((order) => `${order.orderId} (${order.free})`),
      },
    ],
    { empty: 'Nothing was bought. Buy with: ocelli orders place' },
  )
}

export const licenseListColumns: Column<License>[] = [
  { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
  { heading: 'APP', value: ({ appId }) => appId },
  { heading: 'LICENSE', value: ({ licenseId }) => licenseId },
  { heading: 'TYPE', value: ({ licenseType }) => licenseType },
  { heading: 'STATE', value: ({ state }) => state },
  { heading: 'ISSUER', value: ({ issuer }) => issuer },
  { heading: 'CHECKED BY', value: ({ licenseCheckedBy }) => checkedByText(licenseCheckedBy) },
  { heading: 'ORDER', value: ({ orderId }) => orderId },
  { heading: 'VALID UNTIL', value: ({ validUntil }) => validUntil ?? 'without end' },
  { heading: 'MADE', value: ({ createdAt }) => createdAt },
]

export interface ListLicensesFlags {
  history?: boolean
  state?: LicenseQuery['state']
  licenseType?: LicenseType
  issuer?: License['issuer']
  order?: string
  endsBefore?: string
  limit?: number
}

/** Of one pair, of an app, of a device, or of all. */
export async function listLicenses(
  pair: Partial<Pair>,
  { history, state, licenseType, issuer, order: orderId, endsBefore, limit }: ListLicensesFlags,
  { client, clock, out }: CommandContext,
): Promise<void> {
  const isBefore = { flag: '--ends-before', spans: 'ahead', nowMs: clock.nowMs() } as const
  if (history && state !== undefined) throw wrongUsage('Choose one of --history and --state.')
  const filter = { ...pair, state: history ? 'ALL' : state, licenseType, issuer, orderId } as const
  const found = (await client()).licenses.search({
    ...filter,
    endsBefore: endsBefore === undefined ? undefined : readTime(endsBefore, isBefore),
    size: Math.min(limit ?? 200, 200),
  })
  await out.list(atMost(found, limit), licenseListColumns, { empty: 'No licenses match.' })
}

export const licenseFields = (license: License): [string, Cell][] => [
  ['license', license.licenseId],
  ['app', license.appId],
  ['device', license.deviceId],
  ['type', license.licenseType],
  ['state', license.state],
  ['issuer', license.issuer],
  ['checked by', checkedByText(license.licenseCheckedBy)],
  ['order', license.orderId],
  ['valid until', license.validUntil ?? 'without end'],
]

export async function createLicense(
  pair: Pair,
  { licenseType, order }: CreateLicenseFlags,
  { client, out }: CommandContext,
): Promise<void> {
  const license = await (await client()).licenses.create(pair, { licenseType, orderId: order })
  out.one(license, licenseFields(license))
}

export async function downloadLicense(
  licenseId: string,
  { output }: DownloadLicenseFlags,
  { client, cwd, out }: CommandContext,
): Promise<void> {
  const file = await (await client()).licenses.file(licenseId)
  if (output === undefined) return out.text({ licenseId, file }, file)
  const path = resolve(cwd, output)
  await writePrivateFile(path, file)
  out.done({ licenseId, path }, `Written to ${path}.`)
}

export async function releaseLicense(
  licenseId: string,
  { reason }: { reason: string },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Release ${licenseId}? If the app still runs somewhere, it goes on without a license being counted.`)
  const license = await (await client()).licenses.release(licenseId, reason)
  out.one(license, licenseFields(license))
}
