import type { LicenseType } from '@ocelli/contract'
import fc from 'fast-check'

/** What people, cameras and time do to an account's licenses. Numbers pick among what is there when it happens. */
export type Command =
  | { kind: 'order'; licenseType: LicenseType; total: number }
  | { kind: 'cancel-order' | 'reduce-order' | 'end-order'; order: number }
  | { kind: 'install'; device: number; licenseType: LicenseType }
  | {
      kind: 'uninstall' | 'start' | 'converge' | 'fail' | 'miss-deadline' | 'toggle-connectivity' | 'lose'
      device: number
    }
  | { kind: 'make-license'; device: number; licenseType: LicenseType }
  | { kind: 'gateway-asks'; device: number }
  | { kind: 'bundle'; from: number; count: number }
  | { kind: 'release' | 'end-trial'; license: number }
  | { kind: 'receipt'; license: number; results: ('INSTALLED' | 'REMOVED' | 'FAILED')[] }
  | { kind: 'replay-receipt'; receipt: number }
  | { kind: 'renew'; license: number; order: number }
  | { kind: 'sweep' | 'kill-connection' }

const index = fc.nat({ max: 1000 })
const licenseType = fc.constantFrom<LicenseType>('FULL', 'TRIAL', 'SUBSCRIPTION')
const onDevice = (kind: (Command & { device: number })['kind']) => index.map((device) => ({ kind, device }) as Command)
const onOrder = (kind: 'cancel-order' | 'reduce-order' | 'end-order') =>
  index.map((order): Command => ({ kind, order }))
const onLicense = (kind: 'release' | 'end-trial') => index.map((license): Command => ({ kind, license }))

const weighted: [number, fc.Arbitrary<Command>][] = [
  [3, fc.record({ kind: fc.constant('order' as const), licenseType, total: fc.integer({ min: 1, max: 5 }) })],
  [1, onOrder('cancel-order')],
  [1, onOrder('reduce-order')],
  [3, onOrder('end-order')],
  [20, fc.record({ kind: fc.constant('install' as const), device: index, licenseType })],
  [8, onDevice('uninstall')],
  [2, onDevice('start')],
  [16, onDevice('converge')],
  [5, onDevice('fail')],
  [6, onDevice('gateway-asks')],
  [2, onDevice('miss-deadline')],
  [2, onDevice('toggle-connectivity')],
  [2, onDevice('lose')],
  [12, fc.record({ kind: fc.constant('make-license' as const), device: index, licenseType })],
  [4, fc.record({ kind: fc.constant('bundle' as const), from: index, count: fc.integer({ min: 1, max: 4 }) })],
  [5, onLicense('release')],
  [5, onLicense('end-trial')],
  [
    7,
    fc.record({
      kind: fc.constant('receipt' as const),
      license: index,
      results: fc.array(fc.constantFrom('INSTALLED' as const, 'REMOVED' as const, 'FAILED' as const), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  ],
  [4, fc.record({ kind: fc.constant('replay-receipt' as const), receipt: index })],
  [8, fc.record({ kind: fc.constant('renew' as const), license: index, order: index })],
  [5, fc.constant<Command>({ kind: 'sweep' })],
  [1, fc.constant<Command>({ kind: 'kill-connection' })],
]

/** Waves of commands: those of one wave happen at once, each on a connection of its own. */
export const history = (size: { waves: number; perWave: number }): fc.Arbitrary<Command[][]> =>
  fc.array(
    fc.array(fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
      minLength: Math.ceil(size.perWave / 2),
      maxLength: size.perWave,
    }),
    { minLength: Math.ceil(size.waves / 2), maxLength: size.waves },
  )
