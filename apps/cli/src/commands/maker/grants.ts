import { parsePublicKey } from '@ocelli/license'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { readNamedFile, readNamedJson } from '../../read-named-file.ts'

export async function importGrant(file: string, context: CommandContext): Promise<void> {
  const grant = (await readNamedFile(file, context)).trim()
  const { grants } = await context.client()
  const order = await grants.import(grant)
  context.out.one(order, [
    ['order', order.orderId],
    ['app', order.appId],
    ['license type', order.licenseType],
    ['units', order.total],
    ['state', order.state],
    ['valid until', order.validUntil],
  ])
}

export async function listGrants({ client, out }: CommandContext): Promise<void> {
  const { grants } = await client()
  await out.list(
    await grants.list(),
    [
      { heading: 'GRANT', value: ({ grantId }) => grantId },
      { heading: 'APP', value: ({ appId }) => appId },
      { heading: 'TYPE', value: ({ licenseType }) => licenseType },
      { heading: 'UNITS', value: ({ quantity }) => quantity, align: 'right' },
      { heading: 'ORDER', value: ({ orderId }) => orderId },
      { heading: 'IMPORTED', value: ({ importedAt }) => importedAt },
    ],
    { empty: 'No grant was imported.' },
  )
}

export async function listMakerKeys(appId: string, { client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).makerKeys.list(appId),
    [
      { heading: 'KEY', value: ({ keyId }) => keyId },
      { heading: 'SINCE', value: ({ createdAt }) => createdAt },
    ],
    { empty: `No key is trusted to sign grants for ${appId}. Trust one with: ocelli grants trust` },
  )
}

export async function distrustMaker(
  { appId, keyId }: { appId: string; keyId: string },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Believe no more grants for ${appId} that ${keyId} has signed? Those imported so far stay.`)
  await (await client()).makerKeys.remove(appId, keyId)
  out.done({ appId, keyId, removed: true }, `Grants for ${appId} that ${keyId} has signed are imported no more.`)
}

export async function trustMaker(appId: string, file: string, context: CommandContext): Promise<void> {
  const publicKey = await parsePublicKey(await readNamedJson(file, context))
  if (publicKey === null) throw wrongUsage(`${file} is no public key; the app's maker runs: ocelli maker public-key`)
  const { makerKeys } = await context.client()
  await makerKeys.add(appId, { publicKey })
  context.out.done(
    { appId, keyId: publicKey.kid },
    `Grants for ${appId} that ${publicKey.kid} has signed are believed from now on.`,
  )
}
