import type { DesiredRunningState, InstallRequest } from '@ocelli/contract'
import { createBatcher } from '../../platform/batcher.ts'
import type { Database } from '../../platform/database/database.ts'
import { cutOffBy } from '../../platform/database/session-limits.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import type { InstallationRequest, WhenOffline } from './installation-request.ts'
import { requireApp, requireTarget } from './judge-request.ts'
import { performRequests } from './request-batch.ts'
import type { Pair } from './situation.ts'

/** Answers with the installation as it now stands, or with what was answered to the same Idempotency-Key before. */
export interface InstallationService {
  install(context: Context, pair: Pair, body: InstallRequest & { whenOffline: WhenOffline }): Promise<Answer<unknown>>
  update(context: Context, pair: Pair, whenOffline: WhenOffline): Promise<Answer<unknown>>
  uninstall(context: Context, pair: Pair, whenOffline: WhenOffline): Promise<Answer<unknown>>
  run(
    context: Context,
    pair: Pair,
    wish: { running: DesiredRunningState; whenOffline: WhenOffline },
  ): Promise<Answer<unknown>>
}

/** Of the pool's connections; an account takes one of them at a time. */
const batchesAtWork = 4
const requestsPerBatch = 100

/** Requests on one app on one device; those that come while others of the account are at work go together. */
export function createInstallationService({ db, wake }: { db: Database; wake: () => void }): InstallationService {
  const batcher = createBatcher<InstallationRequest, Answer<unknown>>({
    laneOf: ({ caller }) => caller.accountId,
    work: (requests) => performRequests({ db, wake }, requests),
    maxAtWork: batchesAtWork,
    maxItems: requestsPerBatch,
    isCommon: (error) => cutOffBy(error) !== null,
  })
  const perform = (
    { caller, origin, key }: Context,
    request: Pick<InstallationRequest, 'question' | 'whenOffline' | 'wish'>,
  ) => batcher.ask({ ...request, caller, origin, key: key ?? null, overtaken: 0 })
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
