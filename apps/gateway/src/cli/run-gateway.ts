import { join } from 'node:path'
import type { DriverTable } from '@ocelli/driver'
import { createCameraStore } from '../cameras/camera-store.ts'
import { createLoginDesk } from '../cameras/login-desk.ts'
import { createPasswordChanges } from '../cameras/password-changes.ts'
import { createRefusedLogins } from '../cameras/refused-logins.ts'
import { createChannel } from '../channel/channel.ts'
import { createPackageCache } from '../packages/package-cache.ts'
import { keepCertificateFresh } from '../platform/certificate-renewal.ts'
import { type GatewayIdentity, saveIdentity } from '../platform/gateway-identity.ts'
import { createPlatformApi } from '../platform/platform-api.ts'
import type { Environment } from '../platform/proxy.ts'
import { openSealingKey } from '../platform/sealing-key.ts'
import type { Clock } from '../state/clock.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { createGateway } from '../work/gateway.ts'
import type { DiscoveryMode } from '../work/gateway-options.ts'

export interface RunGatewayOptions {
  folder: StateFolder
  identity: GatewayIdentity
  cacheBytes: number
  env: Environment
  drivers: DriverTable
  clock: Clock
  random: () => number
  log: Log
  version: string
  signal: AbortSignal
}

/** The service manager, or the platform beside it, waits 5 s before it kills; the goodbye must be said by then. */
const workEndsWithinMs = 3_000

/** The whole gateway on an enrolled folder that is locked, until the signal aborts. */
export async function runGateway(options: RunGatewayOptions): Promise<void> {
  const { folder, env, drivers, clock, random, log, version, signal } = options
  const discovery = readDiscoveryMode(env)
  const probeEveryMs = readProbeSeconds(env) * 1000
  let current = options.identity
  const identity = () => current
  const replace = async (next: GatewayIdentity) => {
    await saveIdentity(folder, next)
    current = next
  }

  const key = await openSealingKey(folder)
  const api = createPlatformApi({ identity, clock, env })
  const cameras = await createCameraStore({ folder, clock, log, watchEveryMs: 1_000 })
  const { cacheBytes: maxBytes } = options
  const packages = createPackageCache({
    ...{ folder: join(folder.path, 'packages'), maxBytes, source: api, clock, random, log },
  })
  const accessToken = (until: AbortSignal) => api.accessToken(until)
  const channel = createChannel({ identity, accessToken, env, clock, random, log })
  const refused = createRefusedLogins({ folder, clock })
  const passwords = await createPasswordChanges({ folder, cameras, drivers, refused, clock, log })
  const loginDesk = createLoginDesk({ key, identity, folder, cameras, passwords, api, drivers, clock, log })
  const gateway = createGateway({
    ...{ stateFolder: folder, channel, cameras, packages, drivers, clock, random, log, version, discovery, loginDesk },
    ...{ passwords, probeEveryMs },
  })

  const stopping = new AbortController()
  const until = AbortSignal.any([signal, stopping.signal])
  const renewing = keepCertificateFresh({ api, identity, replace, clock, random, log, signal: until })
  try {
    await endsSoonAfter(until, Promise.all([gateway.run(until), renewing]))
  } finally {
    stopping.abort()
    cameras.close()
    await Promise.all([channel.close(), packages.close()])
  }
}

function readDiscoveryMode({ OCELLI_DISCOVERY: text = 'on' }: Environment): DiscoveryMode {
  if (text === 'on' || text === 'ranges' || text === 'off') return text
  throw new GatewayError('invalid-input', `OCELLI_DISCOVERY is "${text}"; it can be on, ranges or off.`)
}

/** More often than every 5 seconds would keep small cameras from their work. */
function readProbeSeconds({ OCELLI_PROBE_SECONDS: text = '60' }: Environment): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (seconds >= 5 && seconds <= 600) return seconds
  throw new GatewayError('invalid-input', `OCELLI_PROBE_SECONDS is "${text}"; it can be 5 to 600.`)
}

/** The work's own end or failure; after the signal it is waited for only so long. */
async function endsSoonAfter(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  const late = new Promise<void>((resolve) => {
    const begin = () => setTimeout(resolve, workEndsWithinMs).unref()
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true })
  })
  await Promise.race([work, late])
}
