import type { CommandContext } from '../../command-context.ts'
import { readTime } from '../../flag-values.ts'
import { toPermissions } from './permissions.ts'

export interface TokenFlags {
  permission: string[]
  expires?: string
}

export async function listTokens({ client, out }: CommandContext): Promise<void> {
  await out.list(
    await (await client()).accessTokens.list(),
    [
      { heading: 'TOKEN', value: ({ tokenId }) => tokenId },
      { heading: 'NAME', value: ({ name }) => name },
      { heading: 'EXPIRES', value: ({ expiresAt }) => expiresAt ?? 'never' },
      { heading: 'LAST USED', value: ({ lastUsedAt }) => lastUsedAt },
      { heading: 'PERMISSIONS', value: ({ permissions }) => permissions },
    ],
    { empty: 'You have no tokens.' },
  )
}

export async function createToken(
  name: string,
  { permission, expires }: TokenFlags,
  { client, clock, out, say }: CommandContext,
): Promise<void> {
  const ends = { flag: '--expires', spans: 'ahead', nowMs: clock.nowMs() } as const
  const permissions = permission.length > 0 ? toPermissions(permission) : undefined
  const made = await (await client()).accessTokens.create({
    name,
    permissions,
    expiresAt: expires && readTime(expires, ends),
  })
  out.text(made, made.token)
  if (!out.isJson) say(`Keep it now: it is not shown again. Its id is ${made.tokenId}.`)
}

export async function revokeToken(tokenId: string, { client, out }: CommandContext): Promise<void> {
  await (await client()).accessTokens.revoke(tokenId)
  out.done({ tokenId, revoked: true }, `${tokenId} is revoked.`)
}
