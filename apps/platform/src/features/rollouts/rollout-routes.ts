import {
  DeviceId,
  oneOf,
  Preflight,
  Rollout,
  RolloutDeviceDetail,
  RolloutDevicePage,
  RolloutDeviceQuery,
  RolloutPage,
  RolloutQuery,
  RolloutRequest,
  Uuid,
} from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, type Context, created, ok, route, streamed } from '../../platform/http/route.ts'
import { checkRequest } from './check-request.ts'
import { createRollout } from './create-rollout.ts'
import { preflight } from './preflight.ts'
import {
  abortRollout,
  approveRollout,
  closeRollout,
  pauseRollout,
  resumeRollout,
  retriedStates,
  retryRollout,
  rollBackRollout,
} from './rollout-service.ts'
import { type RolloutStreamDeps, streamRollout } from './rollout-stream.ts'
import { listRolloutDevices, listRollouts, readRollout, readRolloutDevice } from './rollout-view.ts'

export interface RolloutRoutesDeps extends RolloutStreamDeps {
  /** The engine has something to look at. */
  wakeRollouts: () => void
  nowMs: () => number
  /** Open rollouts of an account; 0: no limit. */
  openRolloutsPerAccount: number
}

const path = '/software/v1/rollouts'
const tag = 'Rollouts'
const Params = Type.Object({ rolloutId: Uuid })
/** 50,000 ids of 255 characters, escaped. */
const bodyLimitBytes = 24 * 1024 ** 2

/** One action on many devices under a strategy. */
export function rolloutRoutes(deps: RolloutRoutesDeps): AnyRoute[] {
  const act = (
    name: string,
    summary: string,
    run: (context: Context, rolloutId: string) => Promise<Rollout>,
  ): AnyRoute =>
    route({
      ...{ method: 'POST', path: `${path}/:rolloutId/${name}`, access: 'apps:install', tag, summary },
      params: Params,
      responses: { 200: Rollout },
      handle: async ({ context, params }) => {
        const rollout = await run(context, params.rolloutId)
        context.afterCommit(deps.wakeRollouts)
        return ok(rollout)
      },
    })
  return [
    route({
      ...{ method: 'POST', path, access: 'apps:install', tag },
      summary: 'Make a rollout, or with dryRun tell what it would do',
      body: RolloutRequest,
      bodyLimitBytes,
      responses: { 200: Preflight, 201: Rollout },
      async handle({ context, body }) {
        checkRequest(body, deps.nowMs())
        if (body.dryRun) return ok(await preflight(context, body))
        const rollout = await createRollout(context, body, deps)
        context.afterCommit(deps.wakeRollouts)
        return created(rollout)
      },
    }),
    route({
      ...{ method: 'GET', path, access: 'apps:view', tag, summary: 'Rollouts, newest first' },
      query: RolloutQuery,
      responses: { 200: RolloutPage },
      handle: async ({ context, query }) => ok(await listRollouts(context, query)),
    }),
    route({
      ...{ method: 'GET', path: `${path}/:rolloutId`, access: 'apps:view', tag, summary: 'A rollout' },
      params: Params,
      responses: { 200: Rollout },
      handle: async ({ context, params }) => ok(await readRollout(context, params.rolloutId)),
    }),
    route({
      ...{ method: 'GET', path: `${path}/:rolloutId/devices`, access: 'apps:view', tag },
      summary: 'Devices of a rollout, by device id',
      params: Params,
      query: RolloutDeviceQuery,
      responses: { 200: RolloutDevicePage },
      handle: async ({ context, params, query }) => ok(await listRolloutDevices(context, params.rolloutId, query)),
    }),
    route({
      ...{ method: 'GET', path: `${path}/:rolloutId/devices/:deviceId`, access: 'apps:view', tag },
      summary: 'A device of a rollout, with what happened to it',
      params: Type.Object({ rolloutId: Uuid, deviceId: DeviceId }),
      responses: { 200: RolloutDeviceDetail },
      handle: async ({ context, params }) => ok(await readRolloutDevice(context, params)),
    }),
    route({
      ...{ method: 'GET', path: `${path}/:rolloutId/stream`, access: 'apps:view', tag },
      summary: 'A rollout as it goes on (server-sent events named rollout, each the whole of it)',
      params: Params,
      responses: { 200: null },
      handle: streamed,
      stream: ({ context, params: { rolloutId }, raw }, reply) =>
        streamRollout(deps, { caller: context.caller, rolloutId, request: raw, reply }),
    }),
    act('pause', 'Admit no more devices; what is in flight ends', pauseRollout),
    act('resume', 'Go on; a wave that stopped the rollout counts as passed', resumeRollout),
    act('abort', 'End it; what has not begun is cancelled and gives back its license', abortRollout),
    act('rollback', 'Abort it where it still runs, and set back what it has changed', rollBackRollout),
    act('approve', 'Approve a rollout that somebody else made', approveRollout),
    act('close', 'Take in no more devices that match later', closeRollout),
    route({
      ...{ method: 'POST', path: `${path}/:rolloutId/retry`, access: 'apps:install', tag },
      summary: 'Begin again with failed, rejected and timed out devices, or those of one state',
      params: Params,
      query: Type.Object({ state: Type.Optional(oneOf(retriedStates)) }, { additionalProperties: false }),
      responses: { 200: Rollout },
      async handle({ context, params, query }) {
        const rollout = await retryRollout(context, params.rolloutId, {
          states: query.state ? [query.state] : retriedStates,
          openLimit: deps.openRolloutsPerAccount,
        })
        context.afterCommit(deps.wakeRollouts)
        return ok(rollout)
      },
    }),
  ]
}
