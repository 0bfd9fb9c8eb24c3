import type { Transfer } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'

const fields = (transfer: Transfer): [string, Cell][] => [
  ['transfer', transfer.transferId],
  ['device', transfer.deviceId],
  ['from account', transfer.fromAccountId],
  ['to account', transfer.toAccountId],
  ['with licenses', transfer.withLicenses],
  ['state', transfer.state],
]

export async function listTransfers({ client: connect, out }: CommandContext): Promise<void> {
  const client = await connect()
  const [transfers, { account }] = await Promise.all([client.transfers.list(), client.account.me()])
  await out.list(
    transfers,
    [
      { heading: 'TRANSFER', value: ({ transferId }) => transferId },
      { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
      { heading: 'WAY', value: ({ fromAccountId }) => (fromAccountId === account.accountId ? 'away' : 'to us') },
      {
        heading: 'OTHER ACCOUNT',
        value: ({ fromAccountId, toAccountId }) => (fromAccountId === account.accountId ? toAccountId : fromAccountId),
      },
      { heading: 'WITH LICENSES', value: ({ withLicenses }) => withLicenses },
      { heading: 'STATE', value: ({ state }) => state },
      { heading: 'OFFERED', value: ({ offeredAt }) => offeredAt },
      { heading: 'DECIDED', value: ({ decidedAt }) => decidedAt },
    ],
    { empty: 'No device was offered, by you or to you.' },
  )
}

export async function offerTransfer(
  deviceId: string,
  { to: toAccountId, withLicenses }: { to: string; withLicenses?: boolean },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Offer ${deviceId} to the account ${toAccountId}? When it accepts, the camera is no longer yours.`)
  const transfer = await (await client()).transfers.offer({ deviceId, toAccountId, withLicenses })
  out.one(transfer, fields(transfer))
}

export async function endTransfer(
  end: 'accept' | 'decline' | 'withdraw',
  transferId: string,
  { client, out, say }: CommandContext,
): Promise<void> {
  const transfer = await (await client()).transfers[end](transferId)
  out.one(transfer, fields(transfer))
  if (end === 'accept' && !out.isJson) say('It is UNCLAIMED until one of your gateways claims it: ocelli devices claim')
}
