import type { CommandContext } from '../../command-context.ts'

export async function listGateways({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).gateways.list(),
    [
      { heading: 'GATEWAY', value: ({ gatewayId }) => gatewayId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'SITE', value: ({ siteId }) => siteId },
      { heading: 'CONNECTED', value: ({ connected, revokedAt }) => (revokedAt ? 'revoked' : connected) },
      { heading: 'DEVICES', value: ({ deviceCount }) => deviceCount, align: 'right' },
      { heading: 'VERSION', value: ({ version }) => version },
      { heading: 'LAST MESSAGE', value: ({ lastMessageAt }) => lastMessageAt },
      { heading: 'CERTIFICATE UNTIL', value: ({ certificateExpiresAt }) => certificateExpiresAt },
    ],
    { empty: 'No gateways yet. Enroll one with: ocelli gateways token <site>' },
  )
}

export async function createEnrollmentToken(siteId: string, { client, out, say }: CommandContext): Promise<void> {
  const made = await (await client()).sites.createEnrollmentToken(siteId)
  out.text(made, made.token)
  if (!out.isJson)
    say(`Good for one gateway until ${made.expiresAt}: ocelli-gateway enroll --platform <url> --token <token>`)
}

export async function revokeGateway(gatewayId: string, { client, confirm, out, say }: CommandContext): Promise<void> {
  await confirm(`Revoke the gateway ${gatewayId}? Its cameras are out of reach until they are moved to another.`)
  await (await client()).gateways.revoke(gatewayId)
  if (out.isJson) out.one({ gatewayId, revoked: true }, [])
  else say(`${gatewayId} is revoked.`)
}
