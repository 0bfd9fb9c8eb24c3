import type { DownMessage, UpMessage } from '@ocelli/contract'
import type { Logger } from 'pino'
import type { Broker } from '../../platform/broker/broker.ts'
import { createCollector } from '../../platform/collector.ts'
import type { Database } from '../../platform/database/database.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { markAway } from '../gateways/mark-away.ts'
import type { GatewayShare } from '../sites/share-store.ts'
import { createBudgetTeller } from './budget-teller.ts'
import { createDispatcher, type ReadDesired } from './dispatcher.ts'
import { sweepRefused, sweepSilent } from './presence.ts'
import { type ApplyReports, createReportIntake } from './report-intake.ts'
import { beginSessions, type Greeting, noteHeartbeats, readForeignDevices, readSessions } from './session-store.ts'
import { createUpReader } from './up-reader.ts'

type Message<Kind extends UpMessage['kind']> = Extract<UpMessage, { kind: Kind }>
type Heartbeat = Message<'heartbeat'> & { gatewayId: string }
type LicenseAsk = Message<'license-ask'> & { gatewayId: string }

/** Sealed logins of cameras on their way to gateways, and what came of them. */
export interface CameraLoginWork {
  send: (db: Database, publish: (gatewayId: string, message: DownMessage) => void) => Promise<void>
  takeResults: (
    db: Database,
    by: { gatewayId: string; accountId: string },
    results: Message<'camera-results'>['results'],
  ) => Promise<void>
}

export interface ChannelOptions {
  db: Database
  broker: Broker
  log: Logger
  metrics: Pick<Metrics, 'connectedGateways' | 'channelMessages' | 'reportsApplied'>
  keys: LicenseKeys
  nowMs: () => number
  applyReports: ApplyReports
  readDesired: ReadDesired
  cameraLogins: CameraLoginWork
  /** Answers in the order of the asks. */
  issueLicensesForGateways: (
    db: Database,
    keys: LicenseKeys,
    asks: {
      gatewayId: string
      accountId: string
      deviceId: string
      assignment: number
      appId: string
      licenseId: string
    }[],
  ) => Promise<
    Omit<Extract<DownMessage, { kind: 'license' }>, 'kind' | 'session' | 'deviceId' | 'appId' | 'licenseId'>[]
  >
  sweepEveryMs?: number
}

/** The platform's end of the device channel (rules.md 4). */
export interface Channel {
  start(): void
  /** A hint that desired states have changed: they are sent within some 20 ms. Without it, within a second. */
  wake(): void
  /** A hint that devices are no longer a gateway's; lost, the gateway learns it with its next report or hello. */
  unassign(gatewayId: string, deviceIds: string[]): Promise<void>
  /** Tells gateways their shares; lost, they are told again until they confirm. */
  tellShares(shares: GatewayShare[]): void
  close(): Promise<void>
}

export function createChannel(options: ChannelOptions): Channel {
  const { db, broker, log, metrics, keys, nowMs, sweepEveryMs = 5000 } = options
  const read = createUpReader(log, nowMs)
  const turns = new Map<string, Promise<void>>()
  let sweepTimer: NodeJS.Timeout | null = null
  let sweeping: Promise<void> = Promise.resolve()

  function publish(gatewayId: string, message: DownMessage): void {
    metrics.channelMessages.inc({ direction: 'down', kind: message.kind })
    broker.publish(gatewayId, message)
  }
  const dispatcher = createDispatcher({
    ...{ db, readDesired: options.readDesired, sendLogins: options.cameraLogins.send, publish, log },
  })
  const budgets = createBudgetTeller({ db, nowMs, publish })
  const counted = (reports: number) => metrics.reportsApplied.inc(reports)
  const reports = createReportIntake({ db, applyReports: options.applyReports, publish, counted, log })
  const licenses = createCollector<LicenseAsk>({
    ...{ waitMs: 5, maxItems: 500 },
    handle: (asks) =>
      answerLicenses(asks).catch((error: unknown) =>
        log.error({ err: error }, 'licenses could not be given; their gateways ask again'),
      ),
  })
  const hellos = createCollector<Greeting>({
    ...{ waitMs: 5, maxItems: 200 },
    handle: (greetings) =>
      greet(greetings).catch((error: unknown) => {
        log.warn({ err: error, gateways: greetings.length }, 'sessions could not be begun together')
        return greetEach(greetings)
      }),
  })
  const heartbeats = createCollector<Heartbeat>({
    ...{ waitMs: 20, maxItems: 1000 },
    handle: (beats) =>
      beat(beats).catch((error: unknown) => log.error({ err: error }, 'heartbeats could not be noted')),
  })

  async function greet(greetings: Greeting[]): Promise<void> {
    const { welcomes, others } = await beginSessions(db, greetings, nowMs())
    for (const { gatewayId, hello } of greetings) {
      const welcome = welcomes.get(gatewayId)
      if (!welcome) {
        broker.disconnect(gatewayId)
        continue
      }
      publish(gatewayId, welcome)
      const own = new Set(welcome.assignments.map(({ deviceId }) => deviceId))
      const deviceIds = hello.devices.map(({ deviceId }) => deviceId).filter((deviceId) => !own.has(deviceId))
      if (deviceIds.length > 0) publish(gatewayId, { kind: 'unassigned', session: welcome.session, deviceIds })
    }
    dispatcher.wake()
    budgets.tell(others)
  }

  /** A hello that cannot be taken holds nobody else up; whoever hears no welcome says hello again. */
  async function greetEach(greetings: Greeting[]): Promise<void> {
    for (const greeting of greetings) {
      await greet([greeting]).catch((error: unknown) =>
        log.error({ err: error, gatewayId: greeting.gatewayId }, 'a session could not be begun'),
      )
    }
  }

  async function beat(beats: Heartbeat[]): Promise<void> {
    const newest = [...new Map(beats.map((one) => [one.gatewayId, one])).values()]
    const known = await noteHeartbeats(db, newest)
    const strangers = newest.filter(({ gatewayId }) => !known.has(gatewayId))
    await budgets.noteInUse(
      newest.flatMap(({ gatewayId, session, shares = [] }) =>
        shares.map((share) => ({ ...share, gatewayId, session })),
      ),
    )
    if (strangers.length === 0) return
    const allowed = await readSessions(
      db,
      strangers.map(({ gatewayId }) => gatewayId),
    )
    for (const { gatewayId, session } of strangers) {
      if (allowed.has(gatewayId)) publish(gatewayId, { kind: 'hello-again', session })
      else broker.disconnect(gatewayId)
    }
  }

  /** What it had begun may go on unless it says otherwise, so its shares stay with it for a while. */
  async function leave(gatewayId: string, { connectionId, isAtRest = false }: Message<'gone'>): Promise<void> {
    const origin = { actor: { kind: 'gateway' as const, id: gatewayId }, requestId: null }
    const away = await markAway(db, origin, [{ gatewayId, connectionId }])
    if (isAtRest) await budgets.giveBack(away)
  }

  async function answerLicenses(received: LicenseAsk[]): Promise<void> {
    const sessions = await readSessions(db, [...new Set(received.map(({ gatewayId }) => gatewayId))])
    const asks: (LicenseAsk & { accountId: string })[] = []
    const strangers = new Map<string, number>()
    for (const ask of received) {
      const present = sessions.get(ask.gatewayId)
      if (!present) continue
      if (present.connected && present.session === ask.session) asks.push({ ...ask, accountId: present.accountId })
      else strangers.set(ask.gatewayId, ask.session)
    }
    for (const [gatewayId, session] of strangers) publish(gatewayId, { kind: 'hello-again', session })
    if (asks.length === 0) return
    const answers = await options.issueLicensesForGateways(db, keys, asks)
    for (const [at, { gatewayId, session, deviceId, appId, licenseId }] of asks.entries()) {
      const answer = answers[at]
      if (answer) publish(gatewayId, { kind: 'license', session, deviceId, appId, licenseId, ...answer })
    }
  }

  /** Of whatever session: what came of a login stays true. The next ones can be sent now. */
  async function noteResults(gatewayId: string, { results }: Message<'camera-results'>): Promise<void> {
    const present = (await readSessions(db, [gatewayId])).get(gatewayId)
    if (!present) return
    await options.cameraLogins.takeResults(db, { gatewayId, accountId: present.accountId }, results)
    dispatcher.wake()
  }

  async function handle(gatewayId: string, message: UpMessage): Promise<void> {
    metrics.channelMessages.inc({ direction: 'up', kind: message.kind })
    switch (message.kind) {
      case 'hello':
        return await hellos.add({ gatewayId, hello: message })
      case 'heartbeat':
        return await heartbeats.add({ ...message, gatewayId })
      case 'gone':
        return await leave(gatewayId, message)
      case 'report':
        return await reports.add({ gatewayId, session: message.session, reports: message.reports })
      case 'license-ask':
        // not waited for: the gateway's next ask joins it in one batch, and its order among reports means nothing
        void licenses.add({ ...message, gatewayId })
        return
      case 'camera-results':
        return await noteResults(gatewayId, message)
    }
  }

  /** A gateway's messages one after the other: a report must not overtake the hello that gave it its session. */
  function take(gatewayId: string, payload: Uint8Array): Promise<void> {
    const message = read(gatewayId, payload)
    if (!message) return Promise.resolve()
    const before = turns.get(gatewayId) ?? Promise.resolve()
    const turn = before
      .then(() => handle(gatewayId, message))
      .catch((error: unknown) =>
        log.error({ err: error, gatewayId, kind: message.kind }, 'a message could not be handled; it is sent again'),
      )
      .finally(() => {
        if (turns.get(gatewayId) === turn) turns.delete(gatewayId)
      })
    turns.set(gatewayId, turn)
    return turn
  }

  async function sweep(): Promise<void> {
    try {
      await sweepSilent(db)
      for (const gatewayId of await sweepRefused(db)) broker.disconnect(gatewayId)
      await budgets.sweep()
    } catch (error) {
      log.error({ err: error }, 'the presence of gateways could not be looked at')
    }
  }

  function scheduleSweep(): void {
    sweepTimer = setTimeout(() => {
      sweeping = sweep().finally(() => {
        if (sweepTimer) scheduleSweep()
      })
    }, sweepEveryMs)
  }

  return {
    start() {
      broker.onMessage(take)
      broker.onConnect(() => metrics.connectedGateways.inc())
      broker.onDisconnect(() => metrics.connectedGateways.dec())
      dispatcher.start()
      scheduleSweep()
    },
    wake: dispatcher.wake,
    tellShares: budgets.tell,
    async unassign(gatewayId, deviceIds) {
      const present = (await readSessions(db, [gatewayId])).get(gatewayId)
      const gone = present?.connected
        ? await readForeignDevices(
            db,
            deviceIds.map((deviceId) => ({ gatewayId, deviceId })),
          )
        : []
      if (present && gone.length > 0)
        publish(gatewayId, {
          kind: 'unassigned',
          session: present.session,
          deviceIds: gone.map(({ deviceId }) => deviceId),
        })
    },
    async close() {
      broker.onMessage(() => undefined)
      if (sweepTimer) clearTimeout(sweepTimer)
      sweepTimer = null
      await sweeping
      await dispatcher.close()
      await Promise.all([...turns.values()])
      await reports.drain()
      await licenses.drain()
      await hellos.drain()
      await heartbeats.drain()
    },
  }
}
