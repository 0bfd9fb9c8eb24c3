import type { DesiredRunningState, Installation, InstallRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { brokenConstraint } from '../../platform/database/database.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import { findFittingPackage } from '../apps/fitting-package.ts'
import { pickOrder } from '../licenses/pick-order.ts'
import { carryOutCancel, carryOutChange } from './carry-out.ts'
import { viewInstallation } from './installation-view.ts'
import { type Decision, decide, type TargetPackage, type Wish } from './request-rules.ts'
import { type Pair, readSituation, type Situation } from './situation.ts'

export type WhenOffline = 'reject' | 'queue'

interface Request {
  pair: Pair
  whenOffline: WhenOffline
  orderId?: string
  wish: (situation: Situation) => Promise<Wish>
}

export interface InstallationService {
  install(
    context: Context,
    pair: Pair,
    body: InstallRequest & { whenOffline: WhenOffline },
  ): Promise<Answer<Installation>>
  update(context: Context, pair: Pair, whenOffline: WhenOffline): Promise<Answer<Installation>>
  uninstall(context: Context, pair: Pair, whenOffline: WhenOffline): Promise<Answer<Installation>>
  run(
    context: Context,
    pair: Pair,
    wish: { running: DesiredRunningState; whenOffline: WhenOffline },
  ): Promise<Answer<Installation>>
}

const attempts = 5

/** Requests on one app on one device: read, decide by the rules, carry out by one guarded statement, again if it moved. */
export function createInstallationService({ wake }: { wake: () => void }): InstallationService {
  const perform = async (context: Context, request: Request): Promise<Answer<Installation>> => {
    let cause: unknown
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const situation = await readSituation(context.db, context.caller, request.pair)
      requireKnown(situation, request.pair)
      const decision = decide(await request.wish(situation), situation)
      const outcome = await carryOut(context, { request, situation, decision })
      if (outcome.kind === 'overtaken') cause = outcome.cause ?? cause
      else {
        if (decision.kind !== 'unchanged') context.afterCommit(wake)
        const status = decision.kind === 'unchanged' ? decision.status : decision.kind === 'cancel' ? 200 : 202
        return { status, body: await viewInstallation(context.db, context.caller.accountId, request.pair) }
      }
    }
    throw new ProblemError('unavailable', 'This device is being changed by too many requests at once. Try again.', {
      retryAfterSeconds: 1,
      cause,
    })
  }
  return {
    install: (context, pair, { licenseType, orderId, version, start, whenOffline }) =>
      perform(context, {
        pair,
        whenOffline,
        orderId,
        wish: async (situation) => {
          requireApp(situation, pair)
          const keeps =
            version === undefined && situation.installation.presence === 'PRESENT' && situation.installation.packageId
          const target = keeps ? null : await findTarget(context, { pair, situation, version })
          return { kind: 'install', licenseType, target, start: start === true }
        },
      }),
    update: (context, pair, whenOffline) =>
      perform(context, {
        pair,
        whenOffline,
        wish: async (situation) => {
          if (!situation.installation.managed) {
            throw new ProblemError(
              'app-not-installed',
              'The app is not installed on this device by the platform. Install it first.',
            )
          }
          return { kind: 'update', target: await findTarget(context, { pair, situation }) }
        },
      }),
    uninstall: (context, pair, whenOffline) =>
      perform(context, { pair, whenOffline, wish: async () => ({ kind: 'uninstall' }) }),
    run: (context, pair, { running, whenOffline }) =>
      perform(context, { pair, whenOffline, wish: async () => ({ kind: 'run', running }) }),
  }
}

/** Overtaken: the device has moved on since the situation was read, or (`cause`) a constraint was broken meanwhile. */
type Outcome = { kind: 'done' } | { kind: 'overtaken'; cause?: unknown }

const outcomeOf = (isDone: boolean): Outcome => ({ kind: isDone ? 'done' : 'overtaken' })

async function carryOut(
  context: Context,
  { request, situation, decision }: { request: Request; situation: Situation; decision: Decision },
): Promise<Outcome> {
  const { device } = situation
  if (decision.kind === 'unchanged' || !device) return { kind: 'done' }
  const base = {
    accountId: context.caller.accountId,
    pair: request.pair,
    expectedRevision: device.revision,
    projectIds: device.projectIds,
    origin: context.origin,
  }
  if (decision.kind === 'cancel') return outcomeOf(await carryOutCancel(context.db, base))
  const queued = device.connectivity !== 'ONLINE'
  if (queued && request.whenOffline !== 'queue') {
    throw new ProblemError(
      'device-offline',
      `The device is ${device.connectivity}${device.connectivityReason ? ` (${device.connectivityReason})` : ''}. Try again when it is back, or send ?whenOffline=queue.`,
    )
  }
  const licenseType = decision.license.kind === 'reserve' ? decision.license.licenseType : null
  const orderId = licenseType
    ? await pickOrder(context.db, {
        accountId: base.accountId,
        appId: request.pair.appId,
        licenseType,
        orderId: request.orderId,
      })
    : null
  try {
    const change = { ...base, decision, orderId, licenseType, queued }
    return outcomeOf(await withSavepoint(context, () => carryOutChange(context.db, change)))
  } catch (cause) {
    // the last unit went to somebody else, or the same license was made, between reading and writing: decide again
    if (['app_order_units', 'license_held_once'].includes(brokenConstraint(cause)?.constraint ?? ''))
      return { kind: 'overtaken', cause }
    throw cause
  }
}

/** Inside a transaction a broken constraint must not take the whole transaction with it. */
async function withSavepoint<Result>({ db }: Context, run: () => Promise<Result>): Promise<Result> {
  if (!db.isTransaction) return await run()
  await sql`SAVEPOINT change`.execute(db)
  try {
    return await run()
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT change`.execute(db)
    throw error
  }
}

function requireKnown({ device, appVisible, installation }: Situation, { deviceId, appId }: Pair): void {
  if (!device) throw notFound(`The device ${deviceId}`)
  if (device.state === 'UNCLAIMED') {
    throw new ProblemError(
      'device-unclaimed',
      'The device is not claimed, so no gateway can reach it. Claim it, or install its license by hand.',
    )
  }
  if (!appVisible && !installation.managed && !installation.present) throw notFound(`The app ${appId}`)
}

function requireApp({ appVisible }: Situation, { appId }: Pair): void {
  if (!appVisible) throw notFound(`The app ${appId}`)
}

async function findTarget(
  { db }: Context,
  { pair, situation, version }: { pair: Pair; situation: Situation; version?: string },
): Promise<TargetPackage> {
  const { device } = situation
  if (!device) throw notFound(`The device ${pair.deviceId}`)
  const found = await findFittingPackage(db, { device, appId: pair.appId, version })
  switch (found.kind) {
    case 'fits':
      return found.package
    case 'none-published':
      throw notFound(`A published version of the app ${pair.appId}`)
    case 'unknown-version':
      throw notFound(`Version ${version} of the app ${pair.appId}`)
    case 'incompatible':
      throw new ProblemError('incompatible', found.detail)
  }
}
