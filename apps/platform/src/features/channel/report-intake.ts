import type { DeviceReport, DownMessage } from '@ocelli/contract'
import type { Logger } from 'pino'
import { type Collector, createCollector } from '../../platform/collector.ts'
import type { Database } from '../../platform/database/database.ts'
import { cutOffBy } from '../../platform/database/session-limits.ts'
import { readForeignDevices, readSessions } from './session-store.ts'

export interface ReportBatch {
  gateway: { gatewayId: string; accountId: string }
  session: number
  reports: DeviceReport[]
}
export type ReportAck = { gatewayId: string; deviceId: string; seq: number }
export type ApplyReports = (db: Database, batches: ReportBatch[]) => Promise<ReportAck[]>

export interface ReceivedReports {
  gatewayId: string
  session: number
  reports: DeviceReport[]
}

/** Reports of all gateways, a few milliseconds together, by one call; acknowledged only after it has committed. */
export function createReportIntake(options: {
  db: Database
  applyReports: ApplyReports
  publish: (gatewayId: string, message: DownMessage) => void
  counted: (reports: number) => void
  log: Logger
}): Collector<ReceivedReports> {
  const { db, applyReports, publish, counted, log } = options

  /**
   * Reports that cannot be applied must not hold up the others: what fails is done in parts, first by gateway, then by device. A
   * device's own report that holds what the database refuses is acknowledged, since sending it again helps nobody; whatever else
   * fails is sent again by its gateway, and so is the rest where a second part was cut off: each would wait as long.
   */
  async function apply(batches: ReportBatch[], cutOffs: { left: number }): Promise<ReportAck[]> {
    try {
      return await applyReports(db, batches)
    } catch (error) {
      const parts = partsOf(batches, error)
      if (parts.length > 1) {
        const acks: ReportAck[] = []
        for (const part of parts) if (cutOffs.left > 0) acks.push(...(await apply([part], cutOffs)))
        return acks
      }
      if (cutOffBy(error)) cutOffs.left--
      const said = batches.flatMap(({ gateway: { gatewayId }, reports }) =>
        reports.map(({ deviceId, seq }) => ({ gatewayId, deviceId, seq })),
      )
      log.error({ err: error, reports: said.slice(0, 10) }, 'reports could not be applied')
      return isRefusedValue(error) ? said : []
    }
  }

  async function handle(received: ReceivedReports[]): Promise<void> {
    const sessions = await readSessions(db, [...new Set(received.map(({ gatewayId }) => gatewayId))])
    const batches = new Map<string, ReportBatch>()
    const strangers = new Map<string, number>()
    for (const { gatewayId, session, reports } of received) {
      const present = sessions.get(gatewayId)
      if (!present) continue
      if (!present.connected || present.session !== session) {
        strangers.set(gatewayId, session)
        continue
      }
      const batch = batches.get(gatewayId)
      if (batch) batch.reports.push(...reports)
      else batches.set(gatewayId, { gateway: present, session, reports: [...reports] })
    }
    for (const [gatewayId, session] of strangers) publish(gatewayId, { kind: 'hello-again', session })
    if (batches.size === 0) return
    const acks = await apply([...batches.values()], { left: 2 })
    counted(acks.length)
    await answer([...batches.values()], acks)
  }

  /** A report about a device that is another's would be sent for ever: its gateway is told to forget the device. */
  async function answer(batches: ReportBatch[], acks: ReportAck[]): Promise<void> {
    const said = batches.flatMap(({ gateway: { gatewayId }, reports }) =>
      [...new Set(reports.map(({ deviceId }) => deviceId))].map((deviceId) => ({ gatewayId, deviceId })),
    )
    for (const { gateway, session } of batches) {
      const own = acks.filter(({ gatewayId }) => gatewayId === gateway.gatewayId)
      if (own.length === 0) continue
      publish(gateway.gatewayId, { kind: 'ack', session, acks: own.map(({ deviceId, seq }) => ({ deviceId, seq })) })
    }
    const foreign = await readForeignDevices(db, said)
    for (const { gateway, session } of batches) {
      const gone = foreign.filter(({ gatewayId }) => gatewayId === gateway.gatewayId).map(({ deviceId }) => deviceId)
      if (gone.length > 0) publish(gateway.gatewayId, { kind: 'unassigned', session, deviceIds: gone })
    }
  }

  return createCollector({
    waitMs: 3,
    maxItems: 200,
    handle: (received) =>
      handle(received).catch((error: unknown) =>
        log.error({ err: error }, 'reports were left; their gateways send them again'),
      ),
  })
}

function partsOf(batches: ReportBatch[], error: unknown): ReportBatch[] {
  const [first] = batches
  if (batches.length > 1 || !first || !isRefusedValue(error)) return batches
  return first.reports.map((report) => ({ ...first, reports: [report] }))
}

/** SQLSTATE class 22, data exception: a value that no repetition makes storable. */
function isRefusedValue(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && code.startsWith('22')
}
