import { resolve } from 'node:path'
import type { License, LicenseType, Pair } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
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

const columns: Column<License>[] = [
  { heading: 'LICENSE', value: ({ licenseId }) => licenseId },
  { heading: 'TYPE', value: ({ licenseType }) => licenseType },
  { heading: 'STATE', value: ({ state }) => state },
  { heading: 'ISSUER', value: ({ issuer }) => issuer },
  { heading: 'CHECKED BY', value: ({ licenseCheckedBy }) => checkedByText(licenseCheckedBy) },
  { heading: 'ORDER', value: ({ orderId }) => orderId },
  { heading: 'VALID UNTIL', value: ({ validUntil }) => validUntil ?? 'without end' },
  { heading: 'MADE', value: ({ createdAt }) => createdAt },
]

export async function listLicenses(
  pair: Pair,
  { history }: { history?: boolean },
  { client, out }: CommandContext,
): Promise<void> {
  const licenses = await (await client()).licenses.list(pair, { state: history ? 'ALL' : undefined })
  await out.list(licenses, columns, { empty: `${pair.deviceId} has no license for ${pair.appId}.` })
}

const fields = (license: License): [string, Cell][] => [
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
  out.one(license, fields(license))
}

export async function downloadLicense(
  licenseId: string,
  { output }: DownloadLicenseFlags,
  { client, cwd, out, say }: CommandContext,
): Promise<void> {
  const file = await (await client()).licenses.file(licenseId)
  if (output === undefined) return out.text({ licenseId, file }, file)
  const path = resolve(cwd, output)
  await writePrivateFile(path, file)
  if (out.isJson) out.one({ licenseId, path }, [])
  else say(`Written to ${path}.`)
}

export async function releaseLicense(
  licenseId: string,
  { reason }: { reason: string },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Release ${licenseId}? If the app still runs somewhere, it goes on without a license being counted.`)
  const license = await (await client()).licenses.release(licenseId, reason)
  out.one(license, fields(license))
}
