import { parsePublicKey } from '@ocelli/license'
import { type Client, isOcelliError } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { receiptKey, receiptKeyName } from '../../offline/receipt-key.ts'
import { readNamedFile, readNamedJson } from '../../read-named-file.ts'

/** Reports a receipt from a file. */
export async function report(file: string, context: CommandContext): Promise<ExitCode> {
  const text = await readNamedFile(file, context)
  await enrollOwnKey(await context.client(), context)
  return await reportText(text.trim(), context)
}

/** Reports a receipt and tells what came of each entry. 1 when any was refused. */
export async function reportText(receipt: string, context: CommandContext): Promise<ExitCode> {
  const { receipts } = await context.client()
  const { entries } = await receipts.report(receipt)
  await context.out.list(entries, [
    { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
    { heading: 'APP', value: ({ appId }) => appId },
    { heading: 'SAYS', value: ({ result }) => result },
    { heading: 'OUTCOME', value: ({ outcome }) => outcome },
    { heading: 'WHY', value: ({ detail }) => detail },
  ])
  return entries.some(({ outcome }) => outcome === 'REFUSED') ? exitCodes.someFailed : exitCodes.ok
}

/** Makes receipts of this machine count as of the one who is signed in. */
export async function enrollOwnKey(client: Client, context: CommandContext): Promise<void> {
  const { publicKey } = await receiptKey(context)
  await enroll(client, publicKey, receiptKeyName())
}

export async function showKey(context: CommandContext): Promise<void> {
  const { publicKey } = await receiptKey(context)
  context.out.text(publicKey, JSON.stringify(publicKey))
}

export async function enrollKey(file: string, { name }: { name?: string }, context: CommandContext): Promise<void> {
  const publicKey = await parsePublicKey(await readNamedJson(file, context))
  if (publicKey === null) throw wrongUsage(`${file} is no key; on that machine run: ocelli offline key`)
  await enroll(await context.client(), publicKey, name ?? file)
  context.out.done({ keyId: publicKey.kid }, `Receipts signed by ${publicKey.kid} count as yours from now on.`)
}

async function enroll(
  client: Client,
  publicKey: Parameters<Client['signingKeys']['add']>[0]['publicKey'],
  name: string,
) {
  try {
    await client.signingKeys.add({ publicKey, name })
  } catch (error) {
    if (!isOcelliError(error, { status: 409 })) throw error
    const known = await client.signingKeys.list()
    if (known.some(({ keyId }) => keyId === publicKey.kid)) return
    throw error
  }
}
