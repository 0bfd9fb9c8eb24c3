import { type CameraLoginSecret, type Client, type Device, type Gateway, isOcelliError } from '@ocelli/sdk'
import { CliError, wrongUsage } from '../cli-error.ts'
import type { CommandContext } from '../command-context.ts'
import { toDeviceFilter } from '../commands/devices/device-filter.ts'
import { type SelectionFlags, selectDevices } from '../commands/devices/select-devices.ts'
import { readCameraLogin } from '../offline/camera-password.ts'
import { inParallel } from '../offline/in-parallel.ts'
import { readNamedFile } from '../read-named-file.ts'
import { readCameraRows } from './camera-rows.ts'
import type { ReadyGateway } from './gateway-of.ts'

export interface CredentialFlags extends SelectionFlags {
  csv?: string
  user?: string
  passwordFile?: string
  setOnCamera?: boolean
  generate?: boolean
}

/** A camera and the login that it is to have; `password` null: one is made for it. */
export interface CredentialTarget {
  deviceId: string
  name: string | null
  address: string | null
  user: string
  password: string | null
  gateway: ReadyGateway
}

export interface CredentialTargets {
  targets: CredentialTarget[]
  /** Of a selection by filter: cameras that no gateway can do it for. */
  leftOut: { deviceId: string; why: string }[]
  /** They were chosen by what they are, not by name: the person has not seen them. */
  isMatched: boolean
}

type WantedLogin = Pick<CredentialTarget, 'user' | 'password'>

/** Throws `wrong-usage`, `not-found` and `refused`; then nothing was sent. */
export async function readTargets(
  named: string[],
  flags: CredentialFlags,
  context: CommandContext,
): Promise<CredentialTargets> {
  const common = await readCommonLogin(flags, context)
  const rows = flags.csv === undefined ? null : await readRows(flags.csv, { common, flags, context })
  if (rows !== null && (named.length > 0 || isSelecting(flags))) {
    throw wrongUsage('The list names the cameras: leave out their ids and the filters.')
  }
  if (rows === null && common === null) throw wrongUsage('Give the user name with --user.')
  const client = await context.client()
  const { devices, isMatched } = await readDevices(rows === null ? named : [...rows.keys()], { flags, context, client })
  const gateways = new Map((await client.gateways.list()).map((gateway) => [gateway.gatewayId, gateway]))
  const leftOut: CredentialTargets['leftOut'] = []
  const targets = devices.flatMap((device): CredentialTarget[] => {
    const { deviceId, name, address } = device
    const login = rows === null ? common : rows.get(deviceId)
    const gateway = device.gatewayId === null ? undefined : gateways.get(device.gatewayId)
    const why = whyNot(gateway, flags)
    if (why === null && gateway?.sealingKey && login) {
      const { gatewayId, name: gatewayName, sealingKey } = gateway
      return [{ deviceId, name, address, ...login, gateway: { gatewayId, name: gatewayName, sealingKey } }]
    }
    if (!isMatched) throw new CliError('refused', `The camera ${deviceId} ${why}. Nothing was sent.`)
    leftOut.push({ deviceId, why: why ?? 'has no login in the list' })
    return []
  })
  if (targets.length === 0) throw new CliError('not-found', 'No camera matches that a gateway could do this for.')
  return { targets, leftOut, isMatched }
}

function whyNot(gateway: Gateway | undefined, { setOnCamera }: CredentialFlags): string | null {
  if (!gateway) return 'has no gateway'
  if (!gateway.sealingKey) return 'has no gateway that takes sealed logins'
  if (setOnCamera && !gateway.setsPasswords) return 'has a gateway that cannot set passwords: bring it up to date'
  return null
}

const isSelecting = (flags: CredentialFlags): boolean =>
  flags.from !== undefined || flags.all === true || toDeviceFilter(flags) !== null

async function readCommonLogin(flags: CredentialFlags, context: CommandContext): Promise<WantedLogin | null> {
  if (!flags.generate) return await readCameraLogin(flags, context)
  if (flags.passwordFile !== undefined) throw wrongUsage('Passwords are either generated or given: leave one flag out.')
  return flags.user === undefined ? null : { user: flags.user, password: null }
}

interface RowSource {
  common: WantedLogin | null
  flags: CredentialFlags
  context: CommandContext
}

/** By deviceId. */
async function readRows(file: string, { common, flags, context }: RowSource): Promise<Map<string, WantedLogin>> {
  const logins = new Map<string, WantedLogin>()
  for (const { line, device, user: ownUser, password: given } of readCameraRows(await readNamedFile(file, context))) {
    const user = ownUser ?? common?.user
    const password = given ?? common?.password ?? null
    if (!device || !user) throw wrongUsage(`Line ${line} of the list needs device and user.`)
    if (flags.generate && given)
      throw wrongUsage(`Line ${line} of the list has a password, and one is to be generated.`)
    if (!flags.generate && !password) throw wrongUsage(`Line ${line} of the list needs device, user and password.`)
    if (logins.has(device)) throw wrongUsage(`Line ${line} of the list names ${device} a second time.`)
    logins.set(device, { user, password })
  }
  if (logins.size === 0) throw wrongUsage('The list names no camera.')
  return logins
}

interface DeviceSource {
  flags: CredentialFlags
  context: CommandContext
  client: Client
}

async function readDevices(ids: string[], { flags, context, client }: DeviceSource) {
  const selection =
    flags.csv === undefined ? await selectDevices(ids, flags, context) : { kind: 'listed' as const, deviceIds: ids }
  if (selection.kind === 'matching') {
    const devices: Device[] = []
    for await (const device of client.devices.list({ state: 'CLAIMED', ...selection.filter })) devices.push(device)
    return { devices, isMatched: true }
  }
  const devices = await inParallel(selection.deviceIds, { concurrency: 8, signal: context.signal }, async (deviceId) =>
    client.devices.get(deviceId).catch((error: unknown) => {
      if (!isOcelliError(error) || error.kind !== 'not-found') throw error
      throw new CliError('not-found', `There is no camera ${deviceId}. Nothing was sent.`, { cause: error })
    }),
  )
  return { devices, isMatched: false }
}

/** One whose password is known by now. */
export const secretOf = ({ user, password }: CredentialTarget): CameraLoginSecret => ({
  user,
  password: password ?? '',
})
