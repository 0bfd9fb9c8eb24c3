import type { SimTime } from './time.ts'

/** The camera's own clock, which may be wrong: set by a client, off by a fault, back in 1970 after a reboot. */
export interface DeviceClock {
  nowMs(): number
  date(): Date
  set(deviceNowMs: number): void
  /** What was set, relative to true time, without the fault's part. */
  offsetMs(): number
}

export interface DeviceClockOptions {
  time: SimTime
  offsetMs: number
  /** A further offset that may change at any moment. */
  faultOffsetMs: () => number
}

export function createDeviceClock(options: DeviceClockOptions): DeviceClock {
  let offsetMs = options.offsetMs
  const nowMs = () => options.time.nowMs() + offsetMs + options.faultOffsetMs()
  return {
    nowMs,
    date: () => new Date(nowMs()),
    set: (deviceNowMs) => {
      offsetMs = deviceNowMs - options.time.nowMs()
    },
    offsetMs: () => offsetMs,
  }
}
