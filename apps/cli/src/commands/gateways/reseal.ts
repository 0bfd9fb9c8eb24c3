import { generateKeyPairSync } from 'node:crypto'
import { isAbsolute, join } from 'node:path'
import { type CameraClaim, type CameraLogin, type RecoveryCopy, type SealingJwk, sealCameraLogin } from '@ocelli/sdk'
import { type CryptoKey, calculateJwkThumbprint, compactDecrypt, importJWK, type JWK } from 'jose'
import { awaitBatches } from '../../camera-list/await-batches.ts'
import { readDestinations } from '../../camera-list/gateway-of.ts'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { readTextFile, writePrivateFile } from '../../profile/private-file.ts'
import { readNamedJson } from '../../read-named-file.ts'
import { readRecovery, sealForRecovery, tellResults } from '../devices/claim-cameras.ts'

const perRequest = 1000

/** Makes the account's recovery key: the private half into a file, the public half to the platform. */
export async function createRecoveryKey({ out }: { out: string }, context: CommandContext): Promise<void> {
  const { cwd, confirm, say } = context
  const path = isAbsolute(out) ? out : join(cwd, out)
  if ((await readTextFile(path)) !== null) throw wrongUsage(`${path} is there already, and is not overwritten.`)
  const { account } = await context.client()
  const { publicKey: before } = await account.recoveryKey()
  if (before)
    await confirm('This account has a recovery key. Replace it? Copies made so far open only with the old one.')
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const { x = '' } = jwk
  const open = { kty: 'OKP', crv: 'X25519', x } as const
  const publicKey: SealingJwk = { ...open, kid: await calculateJwkThumbprint(open) }
  // The file first: a key that is set and lost would make copies that nobody can open.
  await writePrivateFile(path, `${JSON.stringify({ ...jwk, kid: publicKey.kid }, null, 2)}\n`)
  context.out.one(await account.setRecoveryKey(publicKey), [
    ['file', path],
    ['key', publicKey.kid],
  ])
  say('Keep the file apart from the platform. Logins sent before are not in it: send them once more.')
}

/** Gives a gateway the logins of its cameras out of the copies for the account's recovery key. */
export async function resealGateway(
  gateway: string,
  flags: { key: string; result?: string },
  context: CommandContext,
): Promise<ExitCode> {
  const privateKey = await readPrivateKey(flags.key, context)
  const client = await context.client()
  const { gatewayId, sealingKey } = (await readDestinations(client, gateway)).gatewayOf(null)
  const recovery = await readRecovery(client)
  const cameras = new Map<string, CameraClaim>()
  /** A new password was being set when the gateway was lost: either may count. */
  const others = new Map<string, CameraClaim>()
  const closed: string[] = []
  for await (const copy of client.gateways.recoveryCopies(gatewayId)) {
    const login = await openCopy(copy, privateKey, recovery.accountId)
    const { address } = copy
    if (!login || address === null) closed.push(copy.deviceId)
    else {
      const list = copy.isProved || !cameras.has(address) ? cameras : others
      list.set(address, {
        ...{ address, siteId: copy.siteId ?? undefined },
        sealed: await sealCameraLogin(sealingKey, login, { kind: 'claim', gatewayId, address }),
        sealedForRecovery: await sealForRecovery(login, address, recovery),
      })
    }
  }
  if (closed.length > 0) context.say(`Not opened by this key, enter them again: ${closed.join(', ')}`)
  if (cameras.size === 0) throw new CliError('not-found', 'There is no copy of a login that this key opens.')
  const items = await claim([...cameras.values()])
  const refused = items.filter(({ error }) => error?.code === 'credentials-refused').map(({ address }) => address ?? '')
  const again = await claim(refused.flatMap((address) => others.get(address) ?? []))
  const settled = new Map([...items, ...again].map((item) => [item.address, item]))
  const code = await tellResults([...settled.values()], flags, context)
  return closed.length > 0 ? exitCodes.someFailed : code

  async function claim(claims: CameraClaim[]): Promise<CameraLogin[]> {
    const batches = []
    for (let at = 0; at < claims.length; at += perRequest) {
      batches.push(await client.gateways.claimCameras(gatewayId, claims.slice(at, at + perRequest)))
    }
    return batches.length === 0 ? [] : await awaitBatches(batches, client, context)
  }
}

async function readPrivateKey(file: string, context: CommandContext): Promise<CryptoKey> {
  const jwk = (await readNamedJson(file, context)) as JWK | null
  const isKey = jwk?.kty === 'OKP' && jwk.crv === 'X25519' && typeof jwk.d === 'string'
  const key = isKey ? await importJWK(jwk, 'ECDH-ES').catch(() => null) : null
  if (key && 'type' in key) return key
  throw wrongUsage(`${file} holds no recovery key, as \`ocelli gateways recovery-key\` writes it.`)
}

/** Null for one that this key does not open, or that was made for another camera. */
async function openCopy({ sealed, place }: RecoveryCopy, key: CryptoKey, accountId: string) {
  const opened = await compactDecrypt(sealed, key, {
    keyManagementAlgorithms: ['ECDH-ES'],
    contentEncryptionAlgorithms: ['A256GCM'],
  }).catch(() => null)
  const purpose = Buffer.from(String(opened?.protectedHeader.apv ?? ''), 'base64url').toString()
  if (!opened || purpose !== `ocelli:recovery:${accountId}:${place}`) return null
  const { user, password } = JSON.parse(Buffer.from(opened.plaintext).toString()) as {
    user?: unknown
    password?: unknown
  }
  return typeof user === 'string' && typeof password === 'string' ? { user, password } : null
}
