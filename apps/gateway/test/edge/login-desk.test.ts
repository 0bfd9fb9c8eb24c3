import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CameraLogins, CameraResults, ClaimItem } from '@ocelli/contract'
import { CompactEncrypt, importJWK } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createCameraStore } from '../../src/cameras/camera-store.ts'
import { createLoginDesk } from '../../src/cameras/login-desk.ts'
import type { GatewayIdentity } from '../../src/platform/gateway-identity.ts'
import { openSealingKey } from '../../src/platform/sealing-key.ts'
import { createSystemClock } from '../../src/state/clock.ts'
import { GatewayError } from '../../src/state/gateway-error.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { createRecordingLog } from './quiet-log.ts'
import { createScriptedDriver, type ScriptedCamera } from './scripted-driver.ts'
import { gatewayId, siteId } from './test-platform.ts'

type Login = CameraLogins['logins'][number]
type Result = CameraResults['results'][number]

const pin = 'c'.repeat(64)
const address = 'https://192.0.2.7'
let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-desk-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

/** A gateway's desk on the test's folder, as after each start of the program. */
async function openDesk(network: Map<string, ScriptedCamera>) {
  const folder = await openStateFolder(home)
  const clock = createSystemClock()
  const log = createRecordingLog()
  const cameras = await createCameraStore({ folder, clock, log, watchEveryMs: null })
  const key = await openSealingKey(folder)
  const driver = createScriptedDriver(network)
  const stop = new AbortController()
  const told: Result[] = []
  const claims: ClaimItem[] = []
  const claim = { isAway: false }
  const desk = createLoginDesk({
    ...{ key, folder, cameras, clock, log, drivers: { onvif: async () => driver } },
    identity: () => ({ gatewayId, siteId }) as GatewayIdentity,
    api: {
      async claim(items) {
        if (claim.isAway) throw new GatewayError('platform-unreachable', 'Away.')
        claims.push(...items)
        return items.map(({ deviceId }) => ({ deviceId, result: 'claimed', assignment: 1 }))
      },
    },
  })

  async function seal(login: unknown, purpose: string): Promise<string> {
    const recipient = await importJWK({ ...desk.publicKey }, 'ECDH-ES')
    return await new CompactEncrypt(Buffer.from(JSON.stringify(login)))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
      .setKeyManagementParameters({ apv: Buffer.from(purpose) })
      .encrypt(recipient)
  }
  const secret = (password: string) => ({ user: 'admin', password })
  return {
    ...{ desk, cameras, told, claims, claim, log, seal, stop },
    async claimOf(place: string, password: string): Promise<Login> {
      const sealed = await seal(secret(password), `ocelli:claim:${gatewayId}:${place}`)
      return { loginId: randomUUID(), sealed, for: { kind: 'claim', address: place, name: 'Gate', siteId: null } }
    },
    async changeOf(deviceId: string, password: string): Promise<Login> {
      const sealed = await seal(secret(password), `ocelli:credentials:${gatewayId}:${deviceId}`)
      return { loginId: randomUUID(), sealed, for: { kind: 'credentials', deviceId } }
    },
    take: (...logins: Login[]) => desk.take(logins, { tell: (result) => void told.push(result), signal: stop.signal }),
    untilTold: (count: number) => vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(count), 5000),
  }
}

const cameraAt = (changes: Partial<ScriptedCamera> = {}): ScriptedCamera => ({
  ...{ deviceId: 'cam-1', password: 'right', certificateSha256: pin, probe: {}, facts: {}, refusedLogins: 0 },
  ...changes,
})

describe('sealed logins at the gateway', () => {
  test('a camera is claimed and kept, and the same login once more is only answered', async () => {
    const { take, claimOf, untilTold, told, claims, cameras } = await openDesk(new Map([[address, cameraAt()]]))
    const login = await claimOf('192.0.2.7', 'right')
    take(login, login)
    await untilTold(1)
    take(login)
    await untilTold(2)
    expect(told).toEqual(Array(2).fill({ loginId: login.loginId, deviceId: 'cam-1', error: null }))
    expect(claims).toHaveLength(1)
    expect(cameras.list()).toMatchObject([{ deviceId: 'cam-1', address, credentials: { password: 'right' } }])
  })

  test('a refused password is tried on the camera once, also when a killed gateway is sent it again', async () => {
    const camera = cameraAt()
    const network = new Map([[address, camera]])
    const first = await openDesk(network)
    const login = await first.claimOf('192.0.2.7', 'wrong')
    first.take(login)
    await first.untilTold(1)
    const second = await openDesk(network)
    expect(second.desk.publicKey).toEqual(first.desk.publicKey)
    second.take(login)
    await second.untilTold(1)
    expect(second.told).toMatchObject([
      { loginId: login.loginId, deviceId: null, error: { category: 'credentials-refused' } },
    ])
    expect(camera.refusedLogins).toBe(2)
    expect(second.claims).toEqual([])
  })

  test('a login turned to another camera, or to another use, is not opened', async () => {
    const trap = cameraAt({ deviceId: 'trap' })
    const { take, claimOf, changeOf, untilTold, told, claims } = await openDesk(
      new Map([
        [address, cameraAt()],
        ['https://198.51.100.1', trap],
      ]),
    )
    const claim = await claimOf('192.0.2.7', 'right')
    take({ ...claim, for: { kind: 'claim', address: '198.51.100.1', name: null, siteId: null } })
    await untilTold(1)
    const change = await changeOf('192.0.2.7', 'right')
    take({ ...change, for: claim.for })
    await untilTold(2)
    expect(told.map(({ error }) => error?.code)).toEqual(['login-unreadable', 'login-unreadable'])
    expect({ claims, refused: trap.refusedLogins }).toEqual({ claims: [], refused: 0 })
  })

  test('while the platform does not answer the claim nothing is told, and the next sending does it', async () => {
    const { take, claimOf, told, claim, log } = await openDesk(new Map([[address, cameraAt()]]))
    const login = await claimOf('192.0.2.7', 'right')
    claim.isAway = true
    take(login)
    await vi.waitFor(() => expect(log.lines.join()).toContain('platform-unreachable'), 5000)
    expect(told).toEqual([])
    claim.isAway = false
    await vi.waitFor(() => {
      take(login)
      expect(told[0]).toMatchObject({ deviceId: 'cam-1', error: null })
    }, 5000)
  })

  test('other credentials are kept only when the same camera took them', async () => {
    const camera = cameraAt()
    const network = new Map([[address, camera]])
    const { take, claimOf, changeOf, untilTold, told, cameras } = await openDesk(network)
    take(await claimOf('192.0.2.7', 'right'))
    await untilTold(1)
    const password = () => cameras.get('cam-1')?.credentials?.password
    take(await changeOf('cam-1', 'wrong'))
    await untilTold(2)
    expect([told[1]?.error?.code, password()]).toEqual(['credentials-refused', 'right'])
    camera.password = 'new'
    take(await changeOf('cam-1', 'new'))
    await untilTold(3)
    expect([told[2]?.error, password()]).toEqual([null, 'new'])
    network.set(address, cameraAt({ deviceId: 'cam-2', password: 'other' }))
    take(await changeOf('cam-1', 'other'))
    await untilTold(4)
    expect([told[3]?.error?.code, password()]).toEqual(['identity-changed', 'new'])
    take(await changeOf('unknown', 'other'))
    await untilTold(5)
    expect(told[4]?.error?.code).toBe('not-found')
  })

  test('neither the folder nor the log holds a password, and the private key lies sealed', async () => {
    const { take, claimOf, changeOf, untilTold, log } = await openDesk(new Map([[address, cameraAt()]]))
    take(await claimOf('192.0.2.7', 'right'))
    await untilTold(1)
    take(await changeOf('cam-1', 'wrong-secret'))
    await untilTold(2)
    const names = (await readdir(home, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    const texts = await Promise.all(names.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')))
    const all = [...texts, ...log.lines].join('\n')
    expect(all).not.toContain('"right"')
    expect(all).not.toContain('wrong-secret')
    expect(all).not.toContain('"d":')
  })
})
