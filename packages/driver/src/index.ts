export * from './driver.ts'
export * from './driver-error.ts'
