import { randomBytes } from 'node:crypto'
import {
  type CameraLogin,
  type CameraLoginBatch,
  type CameraLoginSecret,
  type Client,
  isOcelliError,
  sealCameraLogin,
} from '@ocelli/sdk'
import { awaitBatches } from '../../camera-list/await-batches.ts'
import { type CredentialTargets, secretOf } from '../../camera-list/credential-targets.ts'
import { generatePassword } from '../../camera-list/generate-password.ts'
import {
  newPasswordFile,
  openPasswordFile,
  type PasswordFile,
  type PasswordRow,
} from '../../camera-list/password-file.ts'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import type { Column } from '../../output/table.ts'
import { readRecovery, sealForRecovery } from './claim-cameras.ts'

export interface SetPasswordFlags {
  generate?: boolean
  length?: number
  allowHttp?: boolean
  result?: string
}

const perRequest = 500

const warning =
  'A camera then refuses everybody who logs in with the password before. Recording stops until your video management system (VMS) ' +
  'has the new one, and a VMS that goes on with the old one may lock the account of the camera.'

/** Has gateways set new passwords on cameras. Generated ones are in the result file before the first one is sent. */
export async function setPasswords(
  { targets }: CredentialTargets,
  flags: SetPasswordFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const { say, confirm } = context
  if (flags.generate && flags.result === undefined) {
    throw wrongUsage('Name a file for the generated passwords with --result: your VMS needs them.')
  }
  const file = flags.result === undefined ? null : await newPasswordFile(flags.result, context)
  const client = await context.client()
  const recovery = await readRecovery(client)
  if (recovery.key === null) {
    const remedy = 'ocelli gateways recovery-key --out recovery-key.json'
    throw new CliError(
      'refused',
      `The account has no recovery key, so a lost gateway would lose the passwords. Make one: ${remedy}`,
    )
  }
  say(warning)
  await confirm(`Set a new password on ${targets.length} camera(s)?`)
  const made = targets.map((target) => {
    const { user, password, deviceId, address } = target
    const random = { user, ...(flags.length === undefined ? {} : { length: flags.length }) }
    const secret = password === null ? { user, password: generatePassword(random, randomBytes) } : secretOf(target)
    const row: PasswordRow = {
      ...{ address: address ?? '', device: deviceId, user, password: password === null ? secret.password : '' },
      ...{ result: 'NOT_SENT', code: '', detail: '', gateway: target.gateway.gatewayId, batch: '' },
    }
    return { target, secret, row }
  })
  const rows = made.map(({ row }) => row)
  await file?.write(rows)
  const batches: CameraLoginBatch[] = []
  for (const own of Map.groupBy(made, ({ target }) => target.gateway.gatewayId).values()) {
    for (let at = 0; at < own.length; at += perRequest) {
      const part = own.slice(at, at + perRequest)
      const devices = await Promise.all(part.map(({ target, secret }) => seal(target, secret)))
      for (const { row } of part) row.result = 'SENDING'
      await file?.write(rows)
      const sent = await send(client, part[0]?.target.gateway.gatewayId ?? '', devices).catch((error: unknown) => {
        if (file) say(`It was cut off while it was sent. See what came of it with: ${continuing(file)}`)
        throw error
      })
      if ('batchId' in sent) batches.push(sent)
      for (const { row } of part) {
        if ('batchId' in sent) Object.assign(row, { result: 'SENT', batch: sent.batchId })
        else Object.assign(row, { result: 'NOT_SENT', ...sent })
      }
      await file?.write(rows)
    }
  }
  return await finish(batches, { rows, file, client, context })

  async function seal(
    { deviceId, gateway: { gatewayId, sealingKey } }: (typeof targets)[number],
    secret: CameraLoginSecret,
  ) {
    const { allowHttp = false } = flags
    const sealed = await sealCameraLogin(sealingKey, secret, { kind: 'password', gatewayId, deviceId, allowHttp })
    return { deviceId, sealed, sealedForRecovery: (await sealForRecovery(secret, deviceId, recovery)) ?? '' }
  }
}

/** What the platform refuses concerns one part of the selection; the others go on. */
async function send(
  { gateways }: Client,
  gatewayId: string,
  devices: Parameters<Client['gateways']['setPasswords']>[1],
): Promise<CameraLoginBatch | { code: string; detail: string }> {
  try {
    return await gateways.setPasswords(gatewayId, devices)
  } catch (error) {
    if (!isOcelliError(error) || !['conflict', 'not-found'].includes(error.kind)) throw error
    return { code: error.code, detail: error.message }
  }
}

/** Waits for what a result file names, and brings it up to date. */
export async function continuePasswords(named: string, context: CommandContext): Promise<ExitCode> {
  const file = await openPasswordFile(named, context)
  const { rows } = file
  const client = await context.client()
  const asked = new Map(rows.filter(({ batch }) => batch !== '').map(({ batch, gateway }) => [batch, gateway]))
  const batches: CameraLoginBatch[] = []
  for (const [batchId, gatewayId] of asked) batches.push(await client.gateways.passwordsBatch(gatewayId, batchId))
  return await finish(batches, { rows, file, client, context })
}

interface Finishing {
  rows: PasswordRow[]
  file: PasswordFile | null
  client: Client
  context: CommandContext
}

async function finish(batches: CameraLoginBatch[], { rows, file, client, context }: Finishing): Promise<ExitCode> {
  const { say, out } = context
  const again = file && continuing(file)
  const items = await awaitBatches(batches, client, context).catch((error: unknown) => {
    if (again) say(`The gateways go on. See what came of it with: ${again}`)
    throw error
  })
  const byDevice = new Map(items.map((item) => [item.deviceId, item]))
  for (const row of rows) note(row, byDevice.get(row.device))
  await file?.write(rows)
  await out.list(rows.map(shown), resultColumns)
  const count = (result: string) => rows.filter((row) => row.result === result).length
  const [changed, unknown, cutOff] = [count('CHANGED'), count('UNKNOWN'), count('SENDING')]
  if (changed > 0) say(`${changed} camera(s) take the new password. Tell your VMS now${file ? `: ${file.path}` : ''}`)
  if (unknown > 0) {
    say(
      `Of ${unknown} it is not known yet; both passwords are kept, and the gateways go on looking.${again ? ` ${again}` : ''}`,
    )
  }
  if (file && cutOff > 0) {
    say(
      `${cutOff} camera(s) may have the new password or not: the command was cut off before the platform answered. ` +
        `To try the passwords of the file there: ocelli devices change-credentials --csv ${file.path}`,
    )
  }
  const failed = rows.length - changed - unknown - cutOff
  if (failed > 0) say(`${failed} of ${rows.length} failed; there the password before counts.`)
  return changed === rows.length ? exitCodes.ok : exitCodes.someFailed
}
const continuing = ({ path }: PasswordFile): string => `ocelli devices change-credentials --continue ${path}`

function note(row: PasswordRow, item: CameraLogin | undefined): void {
  if (!item) return
  const { state, error } = item
  Object.assign(row, { result: state, code: error?.code ?? '', detail: error?.detail ?? '' })
}

/** Never the password: what is shown may be logged. */
const shown = ({ address, device, user, result, code, detail }: PasswordRow) => ({
  address,
  device,
  user,
  result,
  code,
  detail,
})

const resultColumns: Column<ReturnType<typeof shown>>[] = [
  { heading: 'ADDRESS', value: ({ address }) => address },
  { heading: 'DEVICE', value: ({ device }) => device },
  { heading: 'USER', value: ({ user }) => user },
  { heading: 'RESULT', value: ({ result }) => result },
  { heading: 'WHY', value: ({ detail }) => detail },
]
