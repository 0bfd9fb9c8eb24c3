export type { DriverSettings } from './connect.ts'
export { createVapixDriver, driverModule } from './driver-module.ts'
