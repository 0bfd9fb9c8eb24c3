import {
  type CameraClaim,
  type CameraLogin,
  type CameraLoginSecret,
  type SealingJwk,
  sealCameraLogin,
} from '@ocelli/sdk'
import { awaitBatches } from '../../camera-list/await-batches.ts'
import { type CameraRow, readCameraRows } from '../../camera-list/camera-rows.ts'
import { type Destinations, type ReadyGateway, readDestinations } from '../../camera-list/gateway-of.ts'
import { writeResultFile } from '../../camera-list/result-file.ts'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { readCameraLogin } from '../../offline/camera-password.ts'
import type { Column } from '../../output/table.ts'
import { readNamedFile } from '../../read-named-file.ts'

export interface LoginSourceFlags {
  csv?: string
  user?: string
  passwordFile?: string
  gateway?: string
  result?: string
}
export interface ClaimFlags extends LoginSourceFlags {
  address?: string
  name?: string
  site?: string
  dryRun?: boolean
}

interface PlannedClaim {
  row: CameraRow & { address: string }
  login: CameraLoginSecret
  siteId: string | null
  gateway: ReadyGateway
}

const perRequest = 1000

/** Has gateways claim the cameras of a list, or one. Nothing is sent unless every line can be. */
export async function claimCameras(flags: ClaimFlags, context: CommandContext): Promise<ExitCode> {
  const rows = await readRows(flags, context)
  const common = await readCameraLogin(flags, context)
  const client = await context.client()
  const plan = planClaims(rows, common, await readDestinations(client, flags.gateway))
  if (flags.dryRun) {
    await context.out.list(plan.map(toShown), planColumns)
    context.say(`${plan.length} camera(s) would be claimed. Nothing was sent.`)
    return exitCodes.ok
  }
  const recovery = await readRecovery(client)
  const batches = []
  for (const own of Map.groupBy(plan, ({ gateway }) => gateway.gatewayId).values()) {
    for (let at = 0; at < own.length; at += perRequest) {
      const part = own.slice(at, at + perRequest)
      const cameras = await Promise.all(part.map((claim) => toClaim(claim, recovery)))
      const [{ gateway }] = part as [PlannedClaim]
      batches.push(await client.gateways.claimCameras(gateway.gatewayId, cameras))
    }
  }
  return await tellResults(await awaitBatches(batches, client, context), flags, context)
}

/** Shows what came of each, writes the result file, and gives the exit code. */
export async function tellResults(
  items: CameraLogin[],
  { result }: LoginSourceFlags,
  context: CommandContext,
): Promise<ExitCode> {
  if (result !== undefined) await writeResultFile(result, items, context)
  await context.out.list(items, resultColumns)
  const failed = items.filter(({ state }) => state === 'FAILED').length
  if (failed === 0) return exitCodes.ok
  context.say(`${failed} of ${items.length} failed.`)
  return exitCodes.someFailed
}

interface Recovery {
  accountId: string
  key: SealingJwk | null
}

export async function readRecovery(client: Awaited<ReturnType<CommandContext['client']>>): Promise<Recovery> {
  const [{ account }, { publicKey }] = await Promise.all([client.account.me(), client.account.recoveryKey()])
  return { accountId: account.accountId, key: publicKey }
}

export async function sealForRecovery(login: CameraLoginSecret, place: string, { key, accountId }: Recovery) {
  return key ? await sealCameraLogin(key, login, { kind: 'recovery', accountId, place }) : undefined
}

async function readRows(flags: ClaimFlags, context: CommandContext): Promise<CameraRow[]> {
  if ((flags.csv === undefined) === (flags.address === undefined)) {
    throw wrongUsage('Give either a list with --csv or one camera with --address and --user.')
  }
  if (flags.csv !== undefined) {
    const rows = readCameraRows(await readNamedFile(flags.csv, context))
    return rows.map((row) => ({ ...row, site: row.site ?? flags.site ?? null }))
  }
  const { address = null, name = null, site = null } = flags
  return [{ line: 1, device: null, address, user: null, password: null, name, site, customer: null, tags: null }]
}

/** Throws `wrong-usage` with every line that is not right. */
function planClaims(rows: CameraRow[], common: CameraLoginSecret | null, destinations: Destinations): PlannedClaim[] {
  const problems: string[] = []
  const seen = new Map<string, number>()
  const plan = rows.flatMap((row): PlannedClaim[] => {
    const { line, address } = row
    const user = row.user ?? common?.user
    const password = row.password ?? (row.user === null || row.user === common?.user ? common?.password : undefined)
    const before = address === null ? undefined : seen.get(address.toLowerCase())
    if (address !== null) seen.set(address.toLowerCase(), line)
    if (address === null) problems.push(`line ${line}: no address`)
    else if (/[\s@]/.test(address)) problems.push(`line ${line}: the address must be a host or a URL without a login`)
    else if (before !== undefined) problems.push(`line ${line}: ${address} is in line ${before} already`)
    else if (user === undefined || password === undefined) problems.push(`line ${line}: no user or no password`)
    else {
      const siteId = destinations.siteOf(row.site)
      const gateway = destinations.gatewayOf(siteId)
      return [{ row: { ...row, address }, login: { user, password }, siteId, gateway }]
    }
    return []
  })
  if (problems.length > 0) throw wrongUsage(['Nothing was sent; put this right first:', ...problems].join('\n'))
  if (plan.length === 0) throw wrongUsage('The list names no camera.')
  return plan
}

async function toClaim({ row, login, siteId, gateway }: PlannedClaim, recovery: Recovery): Promise<CameraClaim> {
  const { address, name, customer, tags } = row
  const { gatewayId, sealingKey } = gateway
  return {
    ...{ address, name: name ?? undefined, siteId: siteId ?? undefined, customer: customer ?? undefined },
    tags: tags ?? undefined,
    sealed: await sealCameraLogin(sealingKey, login, { kind: 'claim', gatewayId, address }),
    sealedForRecovery: await sealForRecovery(login, address, recovery),
  }
}

const toShown = ({ row, login, gateway }: PlannedClaim) => {
  const { address, name, site, customer, tags } = row
  return { address, user: login.user, name, site, customer, tags, gateway: gateway.name }
}
type Shown = ReturnType<typeof toShown>

const planColumns: Column<Shown>[] = [
  { heading: 'ADDRESS', value: ({ address }) => address },
  { heading: 'USER', value: ({ user }) => user },
  { heading: 'NAME', value: ({ name }) => name },
  { heading: 'SITE', value: ({ site }) => site },
  { heading: 'CUSTOMER', value: ({ customer }) => customer },
  { heading: 'TAGS', value: ({ tags }) => tags },
  { heading: 'GATEWAY', value: ({ gateway }) => gateway },
]
const resultColumns: Column<CameraLogin>[] = [
  { heading: 'ADDRESS', value: ({ address }) => address },
  { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
  { heading: 'RESULT', value: ({ state }) => state },
  { heading: 'WHY', value: ({ error }) => error?.detail },
]
