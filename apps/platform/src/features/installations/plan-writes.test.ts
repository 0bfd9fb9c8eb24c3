import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OpenLine } from '../licenses/pick-order.ts'
import { createUnitDealer } from './deal-units.ts'
import type { InstallationRequest } from './installation-request.ts'
import { planWrites } from './plan-writes.ts'
import { type AnsweredSituation, emptyInstallation } from './situation.ts'

const target = { packageId: 'package-1', versionCode: 1, version: '1', asksForVendorKey: false }
const device: NonNullable<AnsweredSituation['device']> = {
  ...{ state: 'CLAIMED', connectivity: 'ONLINE', connectivityReason: null, revision: 4, sentAt: null, projectIds: [] },
  ...{ appFormats: ['apk'], architecture: null, platformLevel: null, firmwareVersion: null, unsignedApps: null },
  appDowngrade: null,
}
const situation = (openLines: OpenLine[], more: Partial<AnsweredSituation> = {}): AnsweredSituation => ({
  ...{ device, appVisible: true, installation: emptyInstallation, targetVersionCode: null, held: [] },
  ...{ trialUsed: false, asksForVendorKey: false, candidate: null, openLines },
  ...more,
})
const request = (more: Partial<InstallationRequest> = {}): InstallationRequest => ({
  caller: { kind: 'user', id: 'somebody', accountId: 'account', permissions: new Set(), scope: { all: true } },
  origin: { actor: { kind: 'user', id: 'somebody' }, requestId: null },
  question: { appId: 'app', deviceId: 'device', unit: { licenseType: 'FULL' } },
  ...{ key: null, whenOffline: 'reject', overtaken: 0 },
  wish: () => ({ kind: 'install', licenseType: 'FULL', target, start: false, allowDowngrade: false }),
  ...more,
})
const planned = (...given: [InstallationRequest, AnsweredSituation][]) =>
  [...planWrites(new Map(given)).values()].map((plan) =>
    plan.kind === 'write' ? `write ${plan.change.unit?.orderId ?? 'without a unit'}` : plan.kind,
  )

describe('units', () => {
  test('are dealt in the order of the requests; who comes later waits, and is not refused', () => {
    const lines = [
      { orderId: 'long', free: 1 },
      { orderId: 'short', free: 2 },
    ]
    const asked = Array.from({ length: 5 }, (): [InstallationRequest, AnsweredSituation] => [
      request(),
      situation(lines),
    ])
    expect(planned(...asked)).toEqual(['write long', 'write short', 'write short', 'wait', 'wait'])
  })

  test('are refused only where none was free', () => {
    const lines = [{ orderId: 'one', free: 1 }]
    expect(planned([request(), situation([])], [request(), situation(lines)])).toEqual(['refuse-unit', 'write one'])
  })

  test('are not dealt to who holds a license, is refused, or has what it asks for', () => {
    const lines = [{ orderId: 'one', free: 1 }]
    const held = [{ licenseId: 'license', licenseType: 'FULL', state: 'VALID', issuer: 'PLATFORM' } as const]
    const offline = { ...device, connectivity: 'OFFLINE' as const }
    const there = {
      ...emptyInstallation,
      ...{ presence: 'PRESENT' as const, packageId: 'package-1', licenseId: 'license', managed: true, settled: false },
    }
    expect(
      planned(
        [request(), situation(lines, { held })],
        [request(), situation(lines, { device: offline })],
        [request(), situation(lines, { device: null })],
        [request(), situation(lines, { held, installation: there })],
        [request(), situation(lines)],
        [request(), situation(lines)],
      ),
    ).toEqual(['write without a unit', 'refuse', 'refuse', 'show', 'write one', 'wait'])
  })

  test('are each dealt once, and all of them, whatever lines requests may take from', () => {
    const line = fc.record({ orderId: fc.constantFrom('a', 'b', 'c', 'd'), free: fc.integer({ min: 1, max: 4 }) })
    const lines = fc.uniqueArray(line, { selector: ({ orderId }) => orderId })
    fc.assert(
      fc.property(lines, fc.array(fc.subarray(['a', 'b', 'c', 'd'])), (all, asked) => {
        const deal = createUnitDealer()
        const dealt = new Map<string, number>()
        for (const names of asked) {
          const allowed = all.filter(({ orderId }) => names.includes(orderId))
          const orderId = deal(allowed)
          const isLeft = allowed.some((one) => (dealt.get(one.orderId) ?? 0) < one.free)
          expect(orderId !== null).toBe(isLeft)
          if (orderId !== null) dealt.set(orderId, (dealt.get(orderId) ?? 0) + 1)
        }
        for (const { orderId, free } of all) expect(dealt.get(orderId) ?? 0).toBeLessThanOrEqual(free)
      }),
    )
  })
})

test('a request is written with its own revision, origin and projects', () => {
  const origin = { actor: { kind: 'user' as const, id: 'other' }, requestId: 'request-2' }
  const at = situation([{ orderId: 'one', free: 1 }], { device: { ...device, revision: 9, projectIds: ['project'] } })
  const [plan] = planWrites(new Map([[request({ origin }), at]])).values()
  expect(plan).toMatchObject({
    change: { expectedRevision: 9, projectIds: ['project'], origin, queued: false, unit: { licenseType: 'FULL' } },
  })
})

test('a bug in one request is its own failure', () => {
  const broken = request({
    wish: () => {
      throw new TypeError('broken')
    },
  })
  const lines = [{ orderId: 'one', free: 1 }]
  expect(planned([broken, situation(lines)], [request(), situation(lines)])).toEqual(['refuse', 'write one'])
})
