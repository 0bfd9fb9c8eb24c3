import { resolve } from 'node:path'
import type { BatchAction, Client, DeviceResult, Installation } from '@ocelli/sdk'
import { openFileJournal } from '@ocelli/sdk/node'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { countDevices, type Selection, type SelectionFlags, selectDevices } from '../devices/select-devices.ts'
import { installationFields } from './installation-columns.ts'
import { printResults } from './print-results.ts'
import { waitUntilSettled } from './wait-until-settled.ts'

export interface ChangeFlags extends SelectionFlags {
  wait?: boolean
  /** seconds */
  waitTimeout: number
  queue?: boolean
  concurrency: number
  retries: number
  journal?: string
  licenseType?: 'FULL' | 'TRIAL' | 'SUBSCRIPTION'
  order?: string
  version?: string
  start?: boolean
  allowDowngrade?: boolean
}

type Kind = BatchAction['kind']

/** One action on one device or on many. */
export async function changeApps(
  kind: Kind,
  { appId, deviceIds, flags }: { appId: string; deviceIds: string[]; flags: ChangeFlags },
  context: CommandContext,
): Promise<ExitCode> {
  const selection = await selectDevices(deviceIds, flags, context)
  const client = await context.client()
  const action = toAction(kind, appId, flags)
  const [only] = selection.kind === 'listed' ? selection.deviceIds : []
  if (selection.kind === 'listed' && selection.deviceIds.length === 1 && only !== undefined && !flags.journal) {
    return await changeOne(action, { client, deviceId: only, flags }, context)
  }
  if (selection.kind === 'matching') {
    const count = await countDevices(selection, client)
    if (count === 0) throw new CliError('not-found', 'No devices match. See: ocelli devices list')
    await context.confirm(`${verbs[kind]} ${appId} on ${count} device${count === 1 ? '' : 's'}?`)
  }
  return await changeMany(action, { client, selection, flags }, context)
}

const verbs: Record<Kind, string> = {
  install: 'Install',
  update: 'Update',
  uninstall: 'Uninstall',
  start: 'Start',
  stop: 'Stop',
}

function toAction(kind: Kind, appId: string, flags: ChangeFlags): BatchAction {
  if (kind !== 'install') return { kind, appId }
  const { licenseType, order, version, start, allowDowngrade } = flags
  return {
    ...{ kind, appId, licenseType: licenseType ?? 'FULL', orderId: order, version },
    ...{ start: start ? true : undefined, allowDowngrade: allowDowngrade ? true : undefined },
  }
}

async function changeOne(
  action: BatchAction,
  { client, deviceId, flags }: { client: Client; deviceId: string; flags: ChangeFlags },
  context: CommandContext,
): Promise<ExitCode> {
  const pair = { appId: action.appId, deviceId }
  const options = { whenOffline: flags.queue ? ('queue' as const) : undefined }
  let now = await request(client, action, { pair, options })
  if (flags.wait) {
    const timeoutMs = flags.waitTimeout * 1000
    now = await context.progress.run(`${verbs[action.kind]} ${action.appId} on ${deviceId}`, (tell) =>
      waitUntilSettled(client, now, { clock: context.clock, signal: context.signal, timeoutMs, tell }),
    )
  }
  context.out.one(now, installationFields(now))
  if (!now.settled && flags.wait) {
    throw new CliError('some-failed', `It has not ended within ${flags.waitTimeout} s, and goes on at the platform.`)
  }
  return flags.wait && !isReached(action.kind, now) ? exitCodes.someFailed : exitCodes.ok
}

interface Request {
  pair: { appId: string; deviceId: string }
  options: { whenOffline?: 'queue' }
}

function request({ installations }: Client, action: BatchAction, { pair, options }: Request): Promise<Installation> {
  if (action.kind !== 'install') return installations[action.kind](pair, options)
  const { kind: _kind, appId: _appId, ...wanted } = action
  return installations.install(pair, wanted, options)
}

export function isReached(kind: Kind, { installationState, runningState, error }: Installation): boolean {
  switch (kind) {
    case 'install':
    case 'update':
      return installationState === 'INSTALLED' && error === null
    case 'uninstall':
      return installationState === 'NOT_INSTALLED'
    case 'start':
      return runningState === 'RUNNING'
    case 'stop':
      return runningState === 'NOT_RUNNING'
  }
}

async function changeMany(
  action: BatchAction,
  { client, selection, flags }: { client: Client; selection: Selection; flags: ChangeFlags },
  context: CommandContext,
): Promise<ExitCode> {
  if (flags.journal !== undefined && !flags.wait)
    throw wrongUsage('--journal goes with --wait: it keeps what was reached.')
  const devices = selection.kind === 'listed' ? selection.deviceIds : client.devices.list(selection.filter)
  const journal = flags.journal === undefined ? null : await openFileJournal(resolve(context.cwd, flags.journal))
  try {
    const report = await context.progress.run(`${verbs[action.kind]} ${action.appId}`, (tell) =>
      client.batch(devices, action, {
        ...{ concurrency: flags.concurrency, journal: journal ?? undefined, signal: context.signal },
        // what is not waited for is told as accepted
        ...(flags.wait ? { settleTimeoutMs: flags.waitTimeout * 1000, retries: flags.retries } : notWaiting),
        whenOffline: flags.queue ? 'queue' : undefined,
        onProgress: ({ counts, known }) =>
          tell(`${counts.succeeded} done, ${counts.failed} failed, ${counts.unsettled} accepted, of ${known} so far`),
      }),
    )
    await printResults(report.results, context.out)
    const { succeeded, failed, unsettled, notSent } = report.counts
    context.say(`${succeeded} done, ${unsettled} accepted and not ended, ${failed} failed, ${notSent} not sent.`)
    if (report.stoppedBy) throw report.stoppedBy
    const missed = report.results.filter((result) => isMissed(result, flags.wait === true))
    return missed.length > 0 ? exitCodes.someFailed : exitCodes.ok
  } finally {
    await journal?.close()
  }
}

const notWaiting = { settleTimeoutMs: 1, retries: 0 }

const isMissed = ({ kind }: DeviceResult, waited: boolean): boolean =>
  kind === 'failed' || kind === 'not-sent' || (waited && kind === 'unsettled')
