import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CameraLogins, CameraResults, ClaimItem } from '@ocelli/contract'
import { CompactEncrypt, importJWK } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createCameraStore } from '../../src/cameras/camera-store.ts'
import { createLoginDesk } from '../../src/cameras/login-desk.ts'
import { createPasswordChanges } from '../../src/cameras/password-changes.ts'
import { createRefusedLogins } from '../../src/cameras/refused-logins.ts'
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
  const drivers = { onvif: async () => driver }
  const refused = createRefusedLogins({ folder, clock })
  const passwords = await createPasswordChanges({ folder, cameras, drivers, refused, clock, log })
  const stop = new AbortController()
  const told: Result[] = []
  const claims: ClaimItem[] = []
  const claim = { isAway: false }
  const desk = createLoginDesk({
    ...{ key, folder, cameras, passwords, clock, log, drivers },
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
    async passwordOf(deviceId: string, password: string, more: object = {}): Promise<Login> {
      const sealed = await seal({ ...secret(password), ...more }, `ocelli:password:${gatewayId}:${deviceId}`)
      return { loginId: randomUUID(), sealed, for: { kind: 'password', deviceId } }
    },
    take: (...logins: Login[]) =>
      desk.take(logins, { tell: (result) => void told.push(result), alone: (_, job) => job(), signal: stop.signal }),
    untilTold: (count: number) => vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(count), 15_000),
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
    await vi.waitFor(() => expect(log.lines.join()).toContain('platform-unreachable'), 15_000)
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

  test('a new password is set on the camera, and not by a login that was sealed to be tried only', async () => {
    const camera = cameraAt()
    const { take, claimOf, changeOf, passwordOf, untilTold, told, cameras } = await openDesk(
      new Map([[address, camera]]),
    )
    take(await claimOf('192.0.2.7', 'right'))
    await untilTold(1)
    const turned = await changeOf('cam-1', 'new-secret')
    take({ ...turned, for: { kind: 'password', deviceId: 'cam-1' } })
    await untilTold(2)
    expect([told[1]?.error?.code, camera.password]).toEqual(['login-unreadable', 'right'])
    take(await passwordOf('cam-1', 'new-secret'))
    await untilTold(3)
    expect(told[2]).toMatchObject({ deviceId: 'cam-1', error: null })
    expect([camera.password, cameras.get('cam-1')?.credentials?.password]).toEqual(['new-secret', 'new-secret'])
  })

  test('what a camera says to a new password is told without the password', async () => {
    const camera = cameraAt({ refusesPassword: true })
    const { take, claimOf, passwordOf, untilTold, told } = await openDesk(new Map([[address, camera]]))
    take(await claimOf('192.0.2.7', 'right'))
    await untilTold(1)
    take(await passwordOf('cam-1', 'new-secret'))
    await untilTold(2)
    expect(told[1]).toMatchObject({ error: { code: 'password-refused', detail: 'No: *** is too weak.' } })
  })

  test('neither the folder nor the log holds a password, and the private key lies sealed', async () => {
    const camera = cameraAt()
    const desk = await openDesk(new Map([[address, camera]]))
    const { take, claimOf, changeOf, passwordOf, untilTold, told, log } = desk
    take(await claimOf('192.0.2.7', 'right'))
    await untilTold(1)
    take(await changeOf('cam-1', 'wrong-secret'))
    await untilTold(2)
    camera.isSilentAfterPassword = true
    take(await passwordOf('cam-1', 'new-secret'))
    await untilTold(3)
    expect(told[2]).toMatchObject({ isUnknown: true })
    const names = (await readdir(home, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    const texts = await Promise.all(names.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1')))
    const all = [...texts, ...log.lines].join('\n')
    expect(all).not.toContain('"right"')
    expect(all).not.toContain('wrong-secret')
    expect(all).not.toContain('new-secret')
    expect(all).not.toContain('"d":')
  })
})
