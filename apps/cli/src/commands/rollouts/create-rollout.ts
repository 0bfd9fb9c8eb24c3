import { resolve } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import type { Preflight, RolloutRequest } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { readTime } from '../../flag-values.ts'
import type { Output } from '../../output/output.ts'
import { readTextFile } from '../../profile/private-file.ts'
import { selectDevices } from '../devices/select-devices.ts'
import { rolloutFields } from './rollout-fields.ts'
import { type CreateRolloutFlags, toRolloutRequest } from './rollout-request.ts'
import { watchRollout } from './watch-rollout.ts'

export async function createRollout(
  deviceIds: string[],
  flags: CreateRolloutFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const { dryRun, ...request } =
    flags.file === undefined
      ? toRolloutRequest(withTimes(flags, context.clock.nowMs()), await selectDevices(deviceIds, flags, context))
      : await readRequest(requireAlone(deviceIds, { ...flags, file: flags.file }), context)
  const { rollouts } = await context.client()
  if (flags.dryRun || dryRun) {
    const preflight = await rollouts.preflight(request)
    await printPreflight(preflight, context.out)
    const isRefused = preflight.rollback?.accepted === false || (preflight.units?.missing ?? 0) > 0
    return preflight.ready === preflight.total && !isRefused ? exitCodes.ok : exitCodes.someFailed
  }
  const rollout = await rollouts.create(request)
  if (flags.watch) return await watchRollout(rollout.rolloutId, context)
  context.out.one(rollout, rolloutFields(rollout))
  return exitCodes.ok
}

function withTimes(flags: CreateRolloutFlags, nowMs: number): CreateRolloutFlags {
  const time = (flag: string, text: string | undefined) =>
    text === undefined ? undefined : readTime(text, { flag, spans: 'ahead', nowMs })
  return { ...flags, startAt: time('--start-at', flags.startAt), deadline: time('--deadline', flags.deadline) }
}

async function printPreflight(preflight: Preflight, out: Output): Promise<void> {
  const { total, ready, units, groups, rollback } = preflight
  out.one(preflight, [
    ['devices', total],
    ['ready', ready],
    ['licenses needed', units?.needed],
    ['licenses free', units?.free],
    ['licenses missing', units?.missing],
    ['rollback', rollback && (rollback.accepted ? 'accepted' : 'refused: see below')],
  ])
  if (out.isJson) return
  await out.list(groups, [
    { heading: 'VERDICT', value: ({ verdict }) => verdict },
    { heading: 'DEVICES', value: ({ count }) => count, align: 'right' },
    { heading: 'REASON', value: ({ reason }) => reason },
    { heading: 'WHY', value: ({ detail }) => detail },
    { heading: 'SUCH AS', value: ({ deviceIds }) => deviceIds.slice(0, 3) },
  ])
  if (!rollback) return
  await out.list(rollback.groups, [
    { heading: 'ROLLBACK', value: ({ ability }) => ability },
    { heading: 'DEVICES', value: ({ count }) => count, align: 'right' },
    { heading: 'REASON', value: ({ reason }) => reason },
    { heading: 'WHY', value: ({ detail }) => detail },
    { heading: 'SUCH AS', value: ({ deviceIds }) => deviceIds.slice(0, 3) },
  ])
}

/** The file is the whole request: a flag beside it would say something that is not done. */
function requireAlone(
  deviceIds: string[],
  { file, dryRun: _, watch: __, ...others }: CreateRolloutFlags & { file: string },
) {
  const [other] = Object.keys(others)
  if (deviceIds.length > 0) throw wrongUsage('--file has the whole request, devices too: name none beside it.')
  if (other !== undefined) {
    const flag = other.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw wrongUsage(
      `--file has the whole request: write into it what --${flag} says. Only --dry-run and --watch go with it.`,
    )
  }
  return file
}

async function readRequest(file: string, { cwd, stdin }: CommandContext): Promise<RolloutRequest> {
  const path = resolve(cwd, file)
  const content = file === '-' ? await readAll(stdin) : await readTextFile(path)
  if (content === null) throw wrongUsage(`--file: there is no file ${path}.`)
  try {
    const request: unknown = JSON.parse(content.replace(/^\ufeff/, ''))
    // what is in it is judged by the platform, field by field
    if (typeof request === 'object' && request !== null && !Array.isArray(request)) return request as RolloutRequest
  } catch {
    // told below, like JSON that is no object
  }
  throw wrongUsage(`--file: ${file === '-' ? 'what was piped in' : path} is not a JSON object.`)
}
