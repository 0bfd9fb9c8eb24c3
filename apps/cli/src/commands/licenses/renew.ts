import type { CommandContext } from '../../command-context.ts'
import { licenseFields } from './licenses.ts'

/** One license, or every license of an order. */
export async function renewLicense(
  licenseId: string,
  { order }: { order: string },
  { client, out }: CommandContext,
): Promise<void> {
  const license = await (await client()).licenses.renew(licenseId, order)
  out.one(license, licenseFields(license))
}

export async function renewOrder(
  { fromOrderId, orderId }: { fromOrderId: string; orderId: string },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Let every license of the order ${fromOrderId} go on with units of ${orderId}?`)
  const renewed = await (await client()).licenses.renewOrder({ fromOrderId, orderId })
  const { length } = renewed.licenseIds
  out.done(renewed, length === 1 ? 'One license goes on.' : `${length} licenses go on.`)
}
