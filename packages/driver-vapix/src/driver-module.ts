import { randomBytes } from 'node:crypto'
import { createSystemClock, type DriverModule } from '@ocelli/driver'
import { lifeTimings } from './app-life.ts'
import type { DriverSettings } from './connect.ts'
import { discoverVapix } from './discovery/discover-vapix.ts'
import { createFirstUser } from './first-user.ts'
import { installTimings } from './install-app.ts'
import { probeCamera } from './probe-camera.ts'
import { openDriver } from './vapix-driver.ts'

// Below the 30 s that the gateway waits for a look at a camera, with room for a login.
const defaults = { timeoutMs: 12_000, connectTimeoutMs: 5_000, install: installTimings, life: lifeTimings }

/** The VAPIX driver; settings that are left out are those for real cameras. */
export function createVapixDriver(given: Partial<DriverSettings> = {}): DriverModule {
  const settings: DriverSettings = {
    ...{ ...defaults, clock: createSystemClock(), now: () => Date.now(), random: randomBytes },
    ...given,
  }
  return {
    name: 'vapix',
    probe: (target, options) => probeCamera(target, options, settings),
    discover: (options) => discoverVapix(options, settings),
    createFirstUser: (target, options) => createFirstUser(target, options, settings),
    open: (target) => openDriver(target, settings),
  }
}

/** What the gateway loads. */
export const driverModule: DriverModule = createVapixDriver()
