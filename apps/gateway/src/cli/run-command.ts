import { hostname } from 'node:os'
import { renewableAfterEndDays } from '@ocelli/contract'
import { defaultCacheBytes } from '../packages/package-cache.ts'
import { enroll, identityAt, readPlatformUrl } from '../platform/enroll.ts'
import { readEnrollmentToken } from '../platform/enrollment-token.ts'
import {
  type GatewayIdentity,
  loadIdentity,
  readCertificate,
  requireIdentity,
  saveIdentity,
} from '../platform/gateway-identity.ts'
import { describeError } from '../state/error-code.ts'
import { lockFolder } from '../state/folder-lock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { Log } from '../state/log.ts'
import { openStateFolder, type StateFolder } from '../state/state-folder.ts'
import type { CommandContext } from './command-context.ts'
import { openLog } from './open-log.ts'
import { runGateway } from './run-gateway.ts'

export interface RunFlags {
  enrollIfNeeded?: boolean
  platform?: string
  name?: string
  cacheGigabytes?: string
}

/** Longer than the one before may take to stop. */
const lockWaitMs = 10_000
const enrollRetryMs = 2_000
const dayMs = 86_400_000

/** Being stopped is how this command ends well, also while it waits for something. */
export async function runCommand(flags: RunFlags, context: CommandContext): Promise<void> {
  try {
    await run(flags, context)
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
}

async function run(flags: RunFlags, context: CommandContext): Promise<void> {
  const { env, home, version, drivers, clock, signal } = context
  const log = openLog(env.OCELLI_LOG_LEVEL || 'info')
  const cacheBytes = readCacheBytes(flags.cacheGigabytes)
  const folder = await openStateFolder(home)
  const lock = await lockFolder(folder.path, { clock, waitMs: lockWaitMs, signal })
  try {
    const identity = await identityFor(flags, { folder, context, log })
    const { gatewayId, siteId, platformUrl } = identity
    log.info({ version, gatewayId, siteId, platformUrl, folder: folder.path }, 'The gateway starts')
    const random = Math.random
    await runGateway({ folder, identity, cacheBytes, env, drivers, clock, random, log, version, signal })
    log.info({ gatewayId }, 'The gateway has stopped')
  } finally {
    lock.release()
  }
}

interface Place {
  folder: StateFolder
  context: CommandContext
  log: Log
}

/** Who this gateway is; with `--enroll-if-needed` it becomes somebody first, as soon as the platform answers. */
async function identityFor(flags: RunFlags, place: Place): Promise<GatewayIdentity> {
  const { folder, context } = place
  if (!flags.enrollIfNeeded) return await requireIdentity(folder)
  if (!flags.platform) throw new GatewayError('invalid-input', 'Give the address of the platform: --platform')
  const platformUrl = readPlatformUrl(flags.platform).href
  const token = context.env.OCELLI_ENROLLMENT_TOKEN
  if (!token) return await movedTo(platformUrl, folder)
  const known = await identityAt(folder, readEnrollmentToken(token).caFingerprint)
  if (known?.platformUrl === platformUrl && isRenewable(known, context.clock.now())) return known
  return await enrollPatiently({ platformUrl, token, name: flags.name ?? hostname() }, place)
}

/**
 * After that the platform renews no certificate, and the gateway, which keeps its id, has to enroll again: it was off for very long,
 * or enrolled while the machine's clock was years behind.
 */
const isRenewable = ({ certificate }: GatewayIdentity, nowMs: number): boolean =>
  nowMs - readCertificate(certificate).validToDate.getTime() < renewableAfterEndDays * dayMs

/** The same platform under another address: known by its CA, so nothing else has to change. */
async function movedTo(platformUrl: string, folder: StateFolder): Promise<GatewayIdentity> {
  const identity = await loadIdentity(folder)
  if (!identity) {
    throw new GatewayError('not-enrolled', `${folder.path} is not enrolled. Set OCELLI_ENROLLMENT_TOKEN.`)
  }
  if (identity.platformUrl === platformUrl) return identity
  const moved = { ...identity, platformUrl }
  await saveIdentity(folder, moved)
  return moved
}

/** The platform that starts this gateway may not listen yet. */
async function enrollPatiently(
  request: { platformUrl: string; token: string; name: string },
  { folder, context, log }: Place,
): Promise<GatewayIdentity> {
  const { env, version, signal, clock } = context
  for (;;) {
    try {
      return await enroll({ ...request, folder, version, env, signal })
    } catch (error) {
      if (!(error instanceof GatewayError) || !error.retryable) throw error
      log.info({ error: describeError(error) }, 'The platform does not answer yet')
    }
    await clock.sleep(enrollRetryMs, signal)
  }
}

function readCacheBytes(gigabytes: string | undefined): number {
  if (gigabytes === undefined) return defaultCacheBytes
  const bytes = Number(gigabytes) * 1024 ** 3
  if (Number.isFinite(bytes) && bytes > 0) return Math.floor(bytes)
  throw new GatewayError('invalid-input', `"${gigabytes}" is no size for the package cache, such as 10 or 0.5.`)
}
