import type { DesiredApp } from '@ocelli/contract'
import { expect, test } from 'vitest'
import { createSite, type Site } from './gateway-fixture.ts'
import { listedApp } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, licenseOf, packageOf } from './scripted-platform.ts'

const device = 'camera-1'
const foreign = listedApp('com.vendor.foreign', { state: 'RUNNING', version: '1.0' })
const versions = [packageOf('4.0.0', 22), packageOf('4.1.1', 24), packageOf('4.2.0', 26)]

function createDice(seed: number) {
  let state = seed
  const roll = (sides: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % sides
  }
  return { roll, pick: <Value>(values: readonly Value[]): Value => values[roll(values.length)] as Value }
}

/**
 * Without `allowDowngrade` wishes never go below a version wished before: that would be a downgrade whenever the removal
 * between was overtaken.
 */
function nextWish(
  before: DesiredApp,
  { lowest, allowDowngrade }: { lowest: number; allowDowngrade: boolean },
  dice: ReturnType<typeof createDice>,
): DesiredApp {
  const revision = before.revision + 1
  if (before.presence === 'PRESENT' && dice.roll(4) === 0) {
    return { ...before, revision, presence: 'ABSENT', package: null, running: null }
  }
  const wanted = versions[Math.max(allowDowngrade ? 0 : lowest, dice.roll(versions.length))] ?? null
  const running = dice.pick([null, 'RUNNING', 'NOT_RUNNING'] as const)
  return desiredApp({ revision, package: wanted, running, license: licenseOf(1 + dice.roll(3)), allowDowngrade })
}

function expectWish(wish: DesiredApp, site: Site): void {
  const app = site.camera().apps.get(appId)
  if (wish.presence === 'ABSENT') {
    expect(app).toBeUndefined()
    return
  }
  expect(app?.version).toBe(wish.package?.version)
  expect(app?.licenses).toEqual([{ name: `license-${wish.license?.licenseId.slice(0, 1)}`, validUntil: null }])
  if (wish.running !== null) expect(app?.state).toBe(wish.running)
}

test.each(
  (['NONE', 'IN_PLACE', 'REINSTALL'] as const).flatMap((downgrade) =>
    Array.from({ length: 40 }, (_, index) => [1_000 + 7 * index, downgrade] as const),
  ),
)(
  'kills, lost messages, reboots and changing wishes end in the last wish (seed %i, going back %s)',
  async (seed, downgrade) => {
    const dice = createDice(seed)
    const site = createSite()
    const allowDowngrade = downgrade !== 'NONE'
    site.camera().downgrade = downgrade
    site.camera().apps.set(foreign.appId, foreign)
    let isRough = true
    site.platform.passesUp = () => !isRough || dice.roll(10) > 0
    site.platform.passesDown = () => !isRough || dice.roll(10) > 0
    site.camera().during = ({ signal }) => site.clock.sleep(isRough ? dice.roll(4_000) : 0, signal)
    let wish = desiredApp({ allowDowngrade })
    let lowest = 0
    site.platform.desired.set(device, desiredDevice(device, [wish]))
    site.start()
    for (let event = 0; event < 15; event++) {
      await site.clock.advance(dice.roll(20_000))
      const kind = dice.roll(5)
      if (kind === 0) {
        await site.stop()
        site.start()
      } else if (kind === 1) {
        site.platform.disconnect()
        await site.clock.advance(dice.roll(10_000))
        site.platform.connect()
      } else if (kind === 2) {
        site.camera().isReachable = false
        await site.clock.advance(dice.roll(20_000))
        site.camera().isReachable = true
      } else {
        wish = nextWish(wish, { lowest, allowDowngrade }, dice)
        lowest = Math.max(
          lowest,
          versions.findIndex(({ packageId }) => packageId === wish.package?.packageId),
        )
        site.platform.wish(desiredDevice(device, [wish]))
      }
    }
    isRough = false
    wish = { ...wish, revision: wish.revision + 1 }
    site.platform.wish(desiredDevice(device, [wish]))
    await site.untilSettled(device, appId, wish.revision)
    expect(site.phase()).toBe('CONVERGED')
    expectWish(wish, site)
    expect(site.camera().apps.get(foreign.appId)).toEqual(foreign)
    expect(site.camera().writes.filter((write) => write.includes(foreign.appId))).toEqual([])
    expect(site.logged.filter(({ level }) => level === 'error')).toEqual([])
  },
)
