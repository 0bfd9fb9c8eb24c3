import { createSystemClock, type DriverModule } from '@ocelli/driver'
import { lifeTimings } from './app-life.ts'
import { discoverOnvif } from './discover-onvif.ts'
import { installTimings } from './install-app.ts'
import { type DriverSettings, openDriver } from './onvif-driver.ts'
import { probeCamera } from './probe-camera.ts'

// Below the 30 s that the gateway waits for a look at a camera, with room for a login.
const defaults = { timeoutMs: 12_000, connectTimeoutMs: 5_000, hintPauseMs: 10_000 }

/** The ONVIF driver; settings that are left out are those for real cameras. */
export function createOnvifDriver(given: Partial<DriverSettings> = {}): DriverModule {
  const settings: DriverSettings = {
    ...defaults,
    clock: createSystemClock(),
    install: installTimings,
    life: lifeTimings,
    ...given,
  }
  return {
    name: 'onvif',
    probe: (target, options) => probeCamera(target, options, settings),
    discover: discoverOnvif,
    open: (target) => openDriver(target, settings),
  }
}

/** What the gateway loads. */
export const driverModule: DriverModule = createOnvifDriver()
