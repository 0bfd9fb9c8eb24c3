import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Installation, License, LicenseQuantity } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRandom } from './fixed-random.ts'
import { apiDemos, settingsApp } from './real-apps.ts'
import { type Answer, buy, type System, startSystem, untilOnline } from './system.ts'

const installs = Number(process.env.OCELLI_CHAOS_INSTALLS ?? 8)
const seed = Number(process.env.OCELLI_CHAOS_SEED ?? 20_260_101)
/** A killed gateway is started again after 5 s, and a step that was cut is looked at again after as much. */
const settlesWithinMs = 45_000
/** About as long as an undisturbed installation takes, so that kills fall between and inside all of its steps. */
const longestWaitMs = 2_500
const atATime = 2
const appIds = [apiDemos.appId, settingsApp.appId]

interface Pair {
  appId: string
  camera: SimulatedCamera
}

let system: System
let pairs: Pair[]

beforeAll(async () => {
  system = await startSystem()
  const cameras: SimulatedCamera[] = []
  // Slow enough that a kill can come while the camera itself is at work.
  for (const name of ['A', 'B', 'C', 'D'])
    cameras.push(await system.camera(`KILL-${name}`, { installMs: 400, uninstallMs: 300 }))
  for (const camera of cameras) await system.claim(camera)
  for (const { deviceId } of cameras) await untilOnline(system, deviceId)
  for (const file of [apiDemos.v4_0_0, settingsApp.package])
    expect(await system.upload(file)).toMatchObject({ status: 201 })
  // Two order lines per app, one of them too small for all: units must not wander between lines either.
  for (const appId of appIds) for (const quantity of [1, 3]) await buy(system, appId, quantity)
  pairs = appIds.flatMap((appId) => cameras.map((camera) => ({ appId, camera })))
})
afterAll(() => system.close())

const pathOf = ({ appId, camera }: Pair) => `/software/v1/apps/${appId}/devices/${camera.deviceId}`

/** What a careful client does: the same request with the same key until there is an answer. */
async function askUntilAnswered(method: 'PUT' | 'DELETE', pair: Pair): Promise<Answer<Installation>> {
  const deadlineMs = Date.now() + settlesWithinMs
  const headers = { 'idempotency-key': randomUUID() }
  const body = method === 'PUT' ? { licenseType: 'FULL' } : undefined
  for (;;) {
    try {
      const answer = await system.call<Installation>(method, `${pathOf(pair)}?whenOffline=queue`, body, headers)
      if (answer.status < 400) return answer
      if (!answer.body || Date.now() > deadlineMs) throw new Error(JSON.stringify(answer))
      if (!('retryable' in answer.body) || answer.body.retryable !== true) throw new Error(JSON.stringify(answer))
    } catch (error) {
      if (!(error instanceof TypeError) || Date.now() > deadlineMs) throw error
    }
    await pause(100)
  }
}

/** Every order line's counter against the licenses themselves; read again while something moves between the reads. */
async function expectExactUnits(): Promise<void> {
  for (const appId of appIds) {
    for (;;) {
      const before = await lines(appId)
      const held = new Map<string, number>()
      for (const { camera } of pairs.filter((pair) => pair.appId === appId)) {
        const path = `/license/v1/licenses/apps/${appId}/devices/${camera.deviceId}`
        const { body } = await system.call<License[]>('GET', path)
        for (const { orderId } of body) held.set(orderId ?? '', (held.get(orderId ?? '') ?? 0) + 1)
      }
      if (JSON.stringify(await lines(appId)) !== JSON.stringify(before)) continue
      expect(before.length).toBe(2)
      for (const { orderId, used, free, total } of before) {
        expect(used, `units in use of ${appId}, order ${orderId}, seed ${seed}`).toBe(held.get(orderId) ?? 0)
        expect(used + free).toBe(total)
      }
      break
    }
  }
}

async function lines(appId: string): Promise<LicenseQuantity['orders']> {
  const { body } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${appId}`)
  return body.flatMap(({ orders }) => orders)
}

/** The camera holds the app, with the license that the platform names, exactly when the platform says so. */
function expectAsTold({ appId, camera }: Pair, now: Installation): void {
  const app = camera.apps().find((item) => item.appId === appId)
  expect(app !== undefined, `${appId} is on ${camera.deviceId}`).toBe(now.installationState === 'INSTALLED')
  expect(app?.licenses.map(({ licenseId }) => licenseId) ?? []).toEqual(now.license ? [now.license.licenseId] : [])
}

test(
  `survives kills of platform and gateway during ${installs} installations, with every unit accounted for`,
  async () => {
    const random = createRandom(seed)
    const installed = new Set<Pair>()
    let done = 0
    for (let round = 0; done < installs; round++) {
      const chosen = Array.from({ length: atATime }, (_, at) => pairs[(round * atATime + at) % pairs.length]).filter(
        (pair) => pair !== undefined,
      )
      const victim = (round + Math.floor(random() * 2)) % 2 === 0 ? 'platform' : 'gateway'
      const waitMs = Math.floor(random() * longestWaitMs)

      const asked = chosen.map((pair) => askUntilAnswered(installed.has(pair) ? 'DELETE' : 'PUT', pair))
      await pause(waitMs)
      if (victim === 'gateway') await system.killGateway()
      else {
        await system.killPlatform()
        await system.restart()
      }
      await expectExactUnits()
      await Promise.all(asked)

      for (const pair of chosen) {
        const context = `round ${round}: ${victim} killed after ${waitMs} ms, seed ${seed}`
        const now = await system.settled(pair.appId, pair.camera.deviceId, { timeoutMs: settlesWithinMs })
        const wanted = installed.has(pair) ? 'NOT_INSTALLED' : 'INSTALLED'
        expect(now, context).toMatchObject({ installationState: wanted, error: null })
        expectAsTold(pair, now)
        if (!installed.delete(pair)) {
          installed.add(pair)
          done += 1
        }
      }
      await expectExactUnits()
    }
  },
  30_000 + installs * 30_000,
)
