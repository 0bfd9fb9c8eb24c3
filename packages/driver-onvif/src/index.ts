import type { DriverModule } from '@ocelli/driver'
import { openOnvifDriver } from './onvif-driver.ts'
import { probeCamera } from './probe-camera.ts'

/** The ONVIF protocol for the gateway. */
export const driverModule: DriverModule = {
  name: 'onvif',
  probe: probeCamera,
  open: (target) => openOnvifDriver(target),
}
