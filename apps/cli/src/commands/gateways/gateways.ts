import type { EnrollmentToken } from '@ocelli/sdk'
import { gatewayIdOf, siteIdOf } from '../../by-name.ts'
import type { CommandContext } from '../../command-context.ts'

export async function listGateways({ client, out }: CommandContext): Promise<void> {
  const { gateways, sites } = await client()
  const names = new Map(out.isJson ? [] : (await sites.list()).map(({ siteId, name }) => [siteId, name]))
  await out.list(
    await gateways.list(),
    [
      { heading: 'GATEWAY', value: ({ gatewayId }) => gatewayId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'SITE', value: ({ siteId }) => names.get(siteId) ?? siteId },
      { heading: 'CONNECTED', value: ({ connected, revokedAt }) => (revokedAt ? 'revoked' : connected) },
      { heading: 'DEVICES', value: ({ deviceCount }) => deviceCount, align: 'right' },
      { heading: 'VERSION', value: ({ version }) => version },
      { heading: 'LAST MESSAGE', value: ({ lastMessageAt }) => lastMessageAt },
      { heading: 'CERTIFICATE UNTIL', value: ({ certificateExpiresAt }) => certificateExpiresAt },
    ],
    { empty: 'No gateways yet. Enroll one with: ocelli gateways token <site>' },
  )
}

export async function showGateway(asked: string, { client: connect, out }: CommandContext): Promise<void> {
  const client = await connect()
  const gateway = await client.gateways.get(await gatewayIdOf(asked, client))
  out.one(gateway, [
    ['gateway', gateway.gatewayId],
    ['name', gateway.name],
    ['site', gateway.siteId],
    ['connected', gateway.connected],
    ['last message', gateway.lastMessageAt],
    ['version', gateway.version],
    ['devices', gateway.deviceCount],
    ['certificate until', gateway.certificateExpiresAt],
    ['takes sealed logins', gateway.sealingKey !== null],
    ['enrolled', gateway.createdAt],
    ['revoked', gateway.revokedAt],
  ])
}

export async function createEnrollmentToken(asked: string, context: CommandContext): Promise<void> {
  const client = await context.client()
  tellToken(await client.sites.createEnrollmentToken(await siteIdOf(asked, client)), '', context)
}

export async function createReplacementToken(asked: string, context: CommandContext): Promise<void> {
  const client = await context.client()
  const gatewayId = await gatewayIdOf(asked, client)
  await context.confirm(
    `Let a new machine take the place of ${asked}? The old one is refused once the new one is enrolled.`,
  )
  tellToken(await client.gateways.createReplacementToken(gatewayId), ' --replace', context)
}

function tellToken(made: EnrollmentToken, more: '' | ' --replace', { out, say }: CommandContext): void {
  out.text(made, made.token)
  if (out.isJson) return
  say(`Good for one gateway until ${made.expiresAt}: ocelli-gateway enroll --platform <url> --token <token>${more}`)
}

export async function revokeGateway(asked: string, { client: connect, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Revoke the gateway ${asked}? Its cameras are out of reach until they are moved to another.`)
  const client = await connect()
  const gatewayId = await gatewayIdOf(asked, client)
  await client.gateways.revoke(gatewayId)
  out.done({ gatewayId, revoked: true }, `${asked} is revoked.`)
}
