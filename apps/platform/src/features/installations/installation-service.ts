import type { DesiredRunningState, Installation, InstallRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { brokenConstraint, isTransient } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import { judgeCandidate } from '../apps/fitting-package.ts'
import { expireOverdue } from '../licenses/expire-licenses.ts'
import { refuseOrder } from '../licenses/pick-order.ts'
import { carryOutCancel, carryOutChange } from './carry-out.ts'
import { viewInstallation } from './installation-view.ts'
import { type Decision, decide, type TargetPackage, type Wish } from './request-rules.ts'
import { type AnsweredSituation, type Pair, type Question, readSituation, type Situation } from './situation.ts'

export type WhenOffline = 'reject' | 'queue'

interface Request {
  question: Question
  whenOffline: WhenOffline
  wish: (situation: AnsweredSituation) => Wish
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
      const situation = await readSituation(context.db, context.caller, request.question)
      requireKnown(situation, request.question)
      const decision = decide(request.wish(situation), situation)
      if (decision.kind === 'unchanged') {
        const body = await viewInstallation(context.db, context.caller.accountId, request.question)
        return { status: decision.status, body }
      }
      const carriedOut = await carryOut(context, { request, situation, decision })
      if (carriedOut.kind === 'moved-on') {
        cause = carriedOut.cause
        continue
      }
      context.afterCommit(wake)
      return { status: decision.kind === 'cancel' ? 200 : 202, body: carriedOut.installation }
    }
    throw new ProblemError('unavailable', 'This device is being changed by too many requests at once. Try again.', {
      retryAfterSeconds: 1,
      cause,
    })
  }
  return {
    install: (context, pair, { licenseType, orderId, version, start, allowDowngrade, whenOffline }) =>
      perform(context, {
        question: { ...pair, package: { version: version ?? null }, unit: { licenseType, orderId } },
        whenOffline,
        wish: (situation) => {
          requireApp(situation, pair)
          const keeps =
            version === undefined && situation.installation.presence === 'PRESENT' && situation.installation.packageId
          const target = keeps ? null : requireTarget(situation, { pair, version })
          return {
            ...{ kind: 'install', licenseType, target },
            ...{ start: start === true, allowDowngrade: allowDowngrade === true },
          }
        },
      }),
    update: (context, pair, whenOffline) =>
      perform(context, {
        question: { ...pair, package: { version: null } },
        whenOffline,
        wish: (situation) => {
          if (!situation.installation.managed) {
            throw new ProblemError(
              'app-not-installed',
              'The app is not installed on this device by the platform. Install it first.',
            )
          }
          return { kind: 'update', target: requireTarget(situation, { pair }), allowDowngrade: false }
        },
      }),
    uninstall: (context, pair, whenOffline) =>
      perform(context, { question: pair, whenOffline, wish: () => ({ kind: 'uninstall' }) }),
    run: (context, pair, { running, whenOffline }) =>
      perform(context, { question: pair, whenOffline, wish: () => ({ kind: 'run', running }) }),
  }
}

type CarriedOut = { kind: 'done'; installation: Installation } | { kind: 'moved-on'; cause?: unknown }

async function carryOut(
  context: Context,
  {
    request,
    situation,
    decision,
  }: { request: Request; situation: AnsweredSituation; decision: Exclude<Decision, { kind: 'unchanged' }> },
): Promise<CarriedOut> {
  const { device } = situation
  const { appId, deviceId, unit } = request.question
  if (!device) throw notFound(`The device ${deviceId}`)
  const { accountId } = context.caller
  const base = {
    accountId,
    pair: { appId, deviceId },
    expectedRevision: device.revision,
    projectIds: device.projectIds,
    origin: context.origin,
  }
  if (decision.kind === 'cancel') {
    try {
      if (!(await carryOutCancel(context.db, base))) return { kind: 'moved-on' }
    } catch (error) {
      if (mayDecideAgain(context, error)) return { kind: 'moved-on', cause: error }
      throw error
    }
    return { kind: 'done', installation: await viewInstallation(context.db, accountId, base.pair) }
  }
  const queued = device.connectivity !== 'ONLINE'
  if (queued && request.whenOffline !== 'queue') {
    throw new ProblemError(
      'device-offline',
      `The device is ${device.connectivity}${device.connectivityReason ? ` (${device.connectivityReason})` : ''}. Try again when it is back, or send ?whenOffline=queue.`,
    )
  }
  const reserves = decision.license.kind === 'reserve' ? unit : undefined
  if (reserves && !situation.freeOrderId) await refuseOrder(context.db, { accountId, appId, ...reserves })
  try {
    const installation = await withSavepoint(context, () =>
      carryOutChange(context.db, {
        ...base,
        decision,
        orderId: reserves ? situation.freeOrderId : null,
        licenseType: reserves?.licenseType ?? null,
        queued,
      }),
    )
    return installation ? { kind: 'done', installation } : { kind: 'moved-on' }
  } catch (error) {
    if (!mayDecideAgain(context, error)) throw error
    // the license that stands in the way may have reached its end before the sweep came by
    const overdue = { accountId, appId, deviceIds: [base.pair.deviceId] }
    if (isHeld(error)) await inTransaction(context.db, (db) => expireOverdue(db, overdue))
    return { kind: 'moved-on', cause: error }
  }
}

/** What happened between reading and writing: the last unit went to somebody else, the order ended, the same license was made. */
const overtaken = ['app_order_units', 'app_order_used_needs_confirmation', 'license_held_once']

const isHeld = (error: unknown) => brokenConstraint(error)?.constraint === 'license_held_once'

/** A deadlock has undone the one statement; within a transaction it has undone all of that, which is run again as a whole. */
function mayDecideAgain({ db }: Context, error: unknown): boolean {
  return overtaken.includes(brokenConstraint(error)?.constraint ?? '') || (isTransient(error) && !db.isTransaction)
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

function requireTarget(
  { device, candidate }: AnsweredSituation,
  { pair, version }: { pair: Pair; version?: string | undefined },
): TargetPackage {
  if (!device) throw notFound(`The device ${pair.deviceId}`)
  const found = judgeCandidate(candidate, { device, version })
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
