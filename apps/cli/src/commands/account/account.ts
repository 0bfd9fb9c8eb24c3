import type { Account } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { Cell } from '../../output/table.ts'

const fields = (account: Account): [string, Cell][] => [
  ['account', account.accountId],
  ['name', account.name],
  ['runs this installation', account.isOperator],
  ['suspended', account.suspendedAt],
  ['created', account.createdAt],
]

export async function showOwnAccount({ client, out }: CommandContext): Promise<void> {
  const account = await (await client()).account.get()
  out.one(account, fields(account))
}

export async function renameOwnAccount(name: string, { client, out }: CommandContext): Promise<void> {
  const account = await (await client()).account.change({ name })
  out.one(account, fields(account))
}

export async function listAccounts({ client, out }: CommandContext): Promise<void> {
  await out.list(await (await client()).accounts.list(), [
    { heading: 'ACCOUNT', value: ({ accountId }) => accountId },
    { heading: 'NAME', value: ({ name }) => name },
    { heading: 'OPERATOR', value: ({ isOperator }) => isOperator },
    { heading: 'SUSPENDED', value: ({ suspendedAt }) => suspendedAt },
    { heading: 'CREATED', value: ({ createdAt }) => createdAt },
  ])
}

export async function showAccount(accountId: string, { client, out }: CommandContext): Promise<void> {
  const account = await (await client()).accounts.get(accountId)
  out.one(account, fields(account))
}

export async function createAccount(
  name: string,
  { administrator }: { administrator: string },
  { client, out, say }: CommandContext,
): Promise<void> {
  if (!/^[^@\s]+@[^@\s]+$/.test(administrator)) throw wrongUsage(`"${administrator}" is no e-mail address.`)
  const made = await (await client()).accounts.create({ name, administratorEmail: administrator })
  const { account, invitation } = made
  out.one(made, [...fields(account), ['link', invitation.link]])
  if (!out.isJson) {
    say(`Hand the link to ${invitation.email}: it is not shown again, and good until ${invitation.expiresAt}.`)
  }
}

export async function renameAccount(
  { accountId, name }: { accountId: string; name: string },
  { client, out }: CommandContext,
): Promise<void> {
  const account = await (await client()).accounts.change(accountId, { name })
  out.one(account, fields(account))
}

export async function suspendAccount(accountId: string, { client, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Suspend the account ${accountId}? Its people and machines are refused until it is resumed.`)
  const account = await (await client()).accounts.change(accountId, { suspended: true })
  out.one(account, fields(account))
}

export async function resumeAccount(accountId: string, { client, out }: CommandContext): Promise<void> {
  const account = await (await client()).accounts.change(accountId, { suspended: false })
  out.one(account, fields(account))
}
