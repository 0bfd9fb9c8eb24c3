import { weekdays } from '@ocelli/contract'
import type { RolloutRequest } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { Selection, SelectionFlags } from '../devices/select-devices.ts'

export interface CreateRolloutFlags extends SelectionFlags {
  file?: string
  name?: string
  action?: string
  app?: string
  version?: string
  licenseType?: RolloutRequest['licenseType']
  order?: string
  keepOpen?: boolean
  waves?: string
  minSuccess?: number
  wavePause?: number
  maxInFlight?: number
  maxInFlightPerSite?: number
  attempts?: number
  abortPercent?: number
  abortCount?: number
  rollback?: boolean
  acceptDataLoss?: boolean
  acceptWithoutRollback?: boolean
  startAt?: string
  deadline?: string
  window?: string
  days?: string
  whenOffline?: RolloutRequest['whenOffline']
  requireApproval?: boolean
  dryRun?: boolean
  watch?: boolean
}

/** What flags can say; the rest of a strategy goes by --file. Throws `wrong-usage`. */
export function toRolloutRequest(flags: CreateRolloutFlags, selection: Selection): RolloutRequest {
  const { action, app: appId } = flags
  if (!action || !appId) throw wrongUsage('A rollout needs --action and --app, or --file with the whole request.')
  return {
    ...{ name: flags.name ?? `${action} ${appId}`, action: action.toUpperCase() as RolloutRequest['action'], appId },
    ...{ version: flags.version, orderId: flags.order, whenOffline: flags.whenOffline },
    licenseType: flags.licenseType ?? (action === 'install' ? 'FULL' : undefined),
    devices: toDevices(selection, flags.keepOpen),
    strategy: {
      ...{ waves: toWaves(flags), attempts: flags.attempts, abort: toAbort(flags) },
      ...{ maxInFlight: flags.maxInFlight, maxInFlightPerSite: flags.maxInFlightPerSite },
      ...toRollback(flags),
    },
    schedule: { startAt: flags.startAt, deadlineAt: flags.deadline, window: toWindow(flags) },
    requireApproval: flags.requireApproval,
  }
}

function toDevices(selection: Selection, keepOpen: boolean | undefined): RolloutRequest['devices'] {
  if (selection.kind === 'matching') return { filter: withoutPaging(selection.filter), keepOpen }
  if (keepOpen) throw wrongUsage('--keep-open goes with filters: nothing joins a list of ids.')
  return { deviceIds: selection.deviceIds }
}

function withoutPaging({
  size: _size,
  count: _count,
  ...filter
}: Extract<Selection, { kind: 'matching' }>['filter']): RolloutRequest['devices']['filter'] {
  return filter
}

function toWaves({ waves, minSuccess, wavePause }: CreateRolloutFlags) {
  if (waves === undefined) {
    if (minSuccess !== undefined || wavePause !== undefined)
      throw wrongUsage('--min-success and --wave-pause go with --waves.')
    return undefined
  }
  return waves.split(',').map((text) => {
    const percent = Number(text.trim().replace(/%$/, ''))
    if (!(percent > 0 && percent <= 100)) throw wrongUsage('--waves takes percents that rise to 100, such as 5,25,100.')
    return { percent, minSuccessPercent: minSuccess, waitMinutes: wavePause }
  })
}

function toAbort({ abortPercent, abortCount }: CreateRolloutFlags) {
  const rules = [
    ...(abortPercent === undefined ? [] : [{ on: 'ALL' as const, percent: abortPercent }]),
    ...(abortCount === undefined ? [] : [{ on: 'ALL' as const, count: abortCount }]),
  ]
  return rules.length > 0 ? rules : undefined
}

function toRollback({ rollback, acceptDataLoss, acceptWithoutRollback }: CreateRolloutFlags) {
  if (rollback) return { rollback: 'PREVIOUS_VERSION' as const, acceptDataLoss, acceptWithoutRollback }
  if (acceptDataLoss || acceptWithoutRollback)
    throw wrongUsage('--accept-data-loss and --accept-without-rollback go with --rollback.')
  return {}
}

function toWindow({ window, days }: CreateRolloutFlags): NonNullable<RolloutRequest['schedule']>['window'] {
  if (window === undefined) {
    if (days !== undefined) throw wrongUsage('--days goes with --window.')
    return undefined
  }
  const [, from, to] = windowForm.exec(window) ?? []
  if (from === undefined || to === undefined)
    throw wrongUsage('--window takes hours from 00:00 to 23:59, such as 22:00-05:00.')
  return { from, to, days: days?.split(',').map(toDay) }
}

const windowForm = /^((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)$/

function toDay(text: string): (typeof weekdays)[number] {
  const day = weekdays.find((one) => one === text.trim().toUpperCase())
  if (day === undefined) throw wrongUsage(`--days takes some of ${weekdays.join(',')}.`)
  return day
}
