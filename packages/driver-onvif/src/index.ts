export { createOnvifDriver, driverModule } from './driver-module.ts'
export type { DriverSettings } from './onvif-driver.ts'
