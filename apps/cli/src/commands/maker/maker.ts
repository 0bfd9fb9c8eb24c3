import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { generateLicenseKey, type PrivateLicenseKey, parsePublicKey, signGrant, toPublicKey } from '@ocelli/license'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { writePrivateFile } from '../../profile/private-file.ts'
import { readNamedJson } from '../../read-named-file.ts'

export interface GrantFlags {
  key: string
  app: string
  licenseType: string
  quantity: number
  root: string
  order: string
  termDays?: number
  expiresDays: number
}

const daySeconds = 86_400

/** Never over a file that is there: an app that trusts a lost key trusts no license any more. */
export async function makeMakerKey({ out: file }: { out: string }, { cwd, out }: CommandContext): Promise<void> {
  const path = isAbsolute(file) ? file : join(cwd, file)
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (isThere) throw new CliError('refused', `${path} is there already; a key is never written over.`)
  const { privateKey, publicKey } = await generateLicenseKey()
  await writePrivateFile(path, `${JSON.stringify(privateKey, null, 2)}\n`)
  out.done(
    { keyId: publicKey.kid, path },
    `The private key ${publicKey.kid} is in ${path}. Keep a copy in a safe place: nobody can make it again.`,
  )
}

export async function showMakerKey({ key }: { key: string }, context: CommandContext): Promise<void> {
  const publicKey = toPublicKey(await readPrivateKey(key, context))
  context.out.text(publicKey, JSON.stringify(publicKey))
}

export async function makeGrant(flags: GrantFlags, context: CommandContext): Promise<void> {
  const { app, quantity, root, order, termDays, expiresDays } = flags
  const key = await readPrivateKey(flags.key, context)
  const typ = (['FULL', 'TRIAL', 'SUBSCRIPTION'] as const).find((type) => type === flags.licenseType.toUpperCase())
  if (typ === undefined) throw wrongUsage('--license-type is FULL, TRIAL or SUBSCRIPTION.')
  if ((typ === 'SUBSCRIPTION') !== (termDays !== undefined)) {
    throw wrongUsage('--term-days goes with SUBSCRIPTION, and SUBSCRIPTION needs it.')
  }
  const iat = Math.floor(context.clock.nowMs() / 1000)
  const jti = randomUUID()
  const claims = {
    ...{
      jti,
      app,
      typ,
      qty: quantity,
      ord: order === '' ? jti : order,
      iat,
      root,
      exp: iat + expiresDays * daySeconds,
    },
    ...(termDays === undefined ? {} : { term: termDays }),
  }
  const grant = await signGrant({ key, claims }).catch((error: unknown) => {
    if (error instanceof TypeError || error instanceof RangeError) throw wrongUsage(error.message)
    throw error
  })
  context.out.text({ grantId: jti, grant }, grant)
}

async function readPrivateKey(file: string, context: CommandContext): Promise<PrivateLicenseKey> {
  const value = (await readNamedJson(file, context)) as PrivateLicenseKey | null
  const publicKey = await parsePublicKey(value)
  if (value === null || publicKey === null || typeof value.d !== 'string') {
    throw wrongUsage(`${file} is no private key; make one with: ocelli maker keygen`)
  }
  return value
}
