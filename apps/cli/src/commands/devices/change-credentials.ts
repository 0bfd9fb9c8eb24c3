import { type CameraCredentials, sealCameraLogin } from '@ocelli/sdk'
import { awaitBatches } from '../../camera-list/await-batches.ts'
import {
  type CredentialFlags,
  type CredentialTarget,
  type CredentialTargets,
  readTargets,
  secretOf,
} from '../../camera-list/credential-targets.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import type { Column } from '../../output/table.ts'
import { readRecovery, sealForRecovery, tellResults } from './claim-cameras.ts'
import { continuePasswords, type SetPasswordFlags, setPasswords } from './set-passwords.ts'

export interface ChangeCredentialsFlags extends CredentialFlags, SetPasswordFlags {
  continue?: string
  dryRun?: boolean
}

const perRequest = 1000

/**
 * Has gateways log in to their cameras with other credentials and keep those that are taken; with `setOnCamera`, has them set new
 * passwords on the cameras first.
 */
export async function changeCredentials(
  deviceIds: string[],
  flags: ChangeCredentialsFlags,
  context: CommandContext,
): Promise<ExitCode> {
  if (flags.continue !== undefined) return await continuePasswords(flags.continue, context)
  if (!flags.setOnCamera && (flags.generate || flags.allowHttp || flags.length !== undefined)) {
    throw wrongUsage('--generate, --length and --allow-http go with --set-on-camera.')
  }
  const selected = await readTargets(deviceIds, flags, context)
  tellLeftOut(selected, context)
  if (flags.dryRun) {
    await context.out.list(selected.targets.map(toShown), planColumns)
    const what = flags.setOnCamera ? 'would get a new password' : 'would be logged in to in another way'
    context.say(`${selected.targets.length} camera(s) ${what}. Nothing was sent.`)
    return exitCodes.ok
  }
  const code = flags.setOnCamera
    ? await setPasswords(selected, flags, context)
    : await replaceStored(selected, flags, context)
  return selected.leftOut.length > 0 ? exitCodes.someFailed : code
}

async function replaceStored(
  { targets, isMatched }: CredentialTargets,
  flags: ChangeCredentialsFlags,
  context: CommandContext,
): Promise<ExitCode> {
  if (isMatched) await context.confirm(`Log in to ${targets.length} camera(s) in another way?`)
  const client = await context.client()
  const recovery = await readRecovery(client)
  const batches = []
  for (const [gatewayId, own] of Map.groupBy(targets, ({ gateway }) => gateway.gatewayId)) {
    for (let at = 0; at < own.length; at += perRequest) {
      const devices = await Promise.all(own.slice(at, at + perRequest).map(seal))
      batches.push(await client.gateways.changeCredentials(gatewayId, devices))
    }
  }
  return await tellResults(await awaitBatches(batches, client, context), flags, context)

  async function seal(target: CredentialTarget): Promise<CameraCredentials> {
    const { deviceId, gateway } = target
    const { gatewayId, sealingKey } = gateway
    const login = secretOf(target)
    const sealed = await sealCameraLogin(sealingKey, login, { kind: 'credentials', gatewayId, deviceId })
    return { deviceId, sealed, sealedForRecovery: await sealForRecovery(login, deviceId, recovery) }
  }
}

const toldAtMost = 10

function tellLeftOut({ leftOut }: CredentialTargets, { say }: CommandContext): void {
  for (const { deviceId, why } of leftOut.slice(0, toldAtMost)) say(`Left out: ${deviceId} ${why}.`)
  if (leftOut.length > toldAtMost) say(`Left out: ${leftOut.length - toldAtMost} more.`)
}

const toShown = ({ deviceId, name, address, user, gateway }: CredentialTarget) => ({
  ...{ deviceId, name, address, user, gateway: gateway.name },
})

const planColumns: Column<ReturnType<typeof toShown>>[] = [
  { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'ADDRESS', value: ({ address }) => address },
  { heading: 'USER', value: ({ user }) => user },
  { heading: 'GATEWAY', value: ({ gateway }) => gateway },
]
