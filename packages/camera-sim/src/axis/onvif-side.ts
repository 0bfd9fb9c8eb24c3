import { randomBytes } from 'node:crypto'
import type { CameraUser, UserLevel } from '../auth/access.ts'
import { createGatekeeper, type Gatekeeper } from '../auth/gatekeeper.ts'
import type { PasswordChanges } from '../auth/password-change.ts'
import { deriveIdentity } from '../camera-identity.ts'
import { type DeviceInfo, paths } from '../device/device-info.ts'
import { createDeviceService } from '../device/operations.ts'
import type { DeviceClock } from '../device-clock.ts'
import type { FaultSet } from '../faults.ts'
import type { Exchange } from '../http/exchange.ts'
import { answerSoap } from '../http/soap-endpoint.ts'
import type { LoggedRequest } from '../request-log.ts'
import type { AxisGroup, AxisUser, TotalAxisOptions } from './axis-options.ts'
import type { AxisOs } from './axis-os.ts'

/** The ONVIF device service of an Axis camera: users of its own, and no application management. */
export interface OnvifSide {
  info(): DeviceInfo
  gatekeeper: Gatekeeper
  /** Null when the path is none of ONVIF. */
  answer(exchange: Exchange, entry: LoggedRequest): Promise<void> | null
}

export interface OnvifSideOptions {
  options: TotalAxisOptions
  os: AxisOs
  serialNumber: () => string
  clock: DeviceClock
  faults: FaultSet
  passwords: PasswordChanges
  address: () => { host: string; port: number; isSecure: boolean }
  rebootSoon: () => void
  onWrite: () => void
}

const createdWindowMs = 60_000
const nonceLifeMs = 5 * 60_000
const levels: Readonly<Record<AxisGroup, UserLevel>> = {
  administrator: 'Administrator',
  operator: 'Operator',
  viewer: 'User',
}

export function createOnvifSide(parts: OnvifSideOptions): OnvifSide {
  const { options, os, serialNumber, clock, faults, onWrite } = parts
  const users = options.onvifUsers.map(toOnvifUser)
  const info = (): DeviceInfo => {
    const serial = serialNumber()
    return {
      manufacturer: 'AXIS',
      model: options.model,
      firmwareVersion: os.version,
      serialNumber: serial,
      macAddress: (serial.match(/../g) ?? []).join(':'),
      endpointId: deriveIdentity(serial).endpointId,
    }
  }
  const gatekeeper = createGatekeeper({
    users: () => users,
    realm: () => `AXIS_${serialNumber()}`,
    mode: () => 'both',
    challengeShape: () => ({ qop: 'auth', algorithm: 'token' }),
    lockout: options.lockout,
    nonceLifeMs,
    createdWindowMs,
    nowMs: options.time.nowMs,
    deviceNowMs: clock.nowMs,
    randomBytes,
  })
  const service = createDeviceService({
    info,
    clock,
    faults,
    authentication: () => 'both',
    syncClock: () => clock.set(options.time.nowMs()),
    onClockSet() {},
    rebootSoon: parts.rebootSoon,
    address: parts.address,
    users: {
      list: () => users,
      change(changed) {
        Object.assign(users.find(({ username }) => username === changed.username) ?? {}, changed)
      },
    },
    passwords: parts.passwords,
    offers: { events: false, apps: false },
  })
  return {
    info,
    gatekeeper,
    answer(exchange, entry) {
      if (exchange.path !== paths.device) return null
      return answerSoap(service, exchange, { gatekeeper, faults, isLenient: false, onWrite, entry })
    },
  }
}

const toOnvifUser = ({ user, password, group }: AxisUser): CameraUser => ({
  username: user,
  password,
  level: levels[group],
})
