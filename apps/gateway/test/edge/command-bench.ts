import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClaimResult } from '@ocelli/contract'
import { type Camera, createCameraStore } from '../../src/cameras/camera-store.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { quietLog } from './quiet-log.ts'
import { createScriptedDriver, type ScriptedCamera } from './scripted-driver.ts'
import type { TestAuthority } from './test-authority.ts'
import { reply, startTestPlatform } from './test-platform.ts'

interface Ran {
  code: number
  out: string
  err: string
  asked: string[]
}

export type CommandBench = Awaited<ReturnType<typeof startCommandBench>>

/** What cameras on https present unless a test says otherwise. */
export const pin = 'c'.repeat(64)

/** The gateway's program on a folder of its own, a platform that claims what it is asked to, and cameras at the addresses of `network`. */
export async function startCommandBench(authority: TestAuthority) {
  const home = await mkdtemp(join(tmpdir(), 'ocelli-cli-'))
  const platform = await startTestPlatform({ authority, server: null })
  const network = new Map<string, ScriptedCamera>()
  let claimed: Partial<ClaimResult> = { result: 'claimed', assignment: 3 }
  platform.routes.set('POST /device/v1/claims', ({ body }, response) => {
    const { devices } = JSON.parse(body) as { devices: { deviceId: string }[] }
    reply(response, 200, { results: devices.map(({ deviceId }) => ({ deviceId, ...claimed })) })
  })

  async function run(
    args: string[],
    options: { env?: Record<string, string>; clock?: Clock; typed?: string; onSaid?: (line: string) => void } = {},
  ): Promise<Ran> {
    const out: string[] = []
    const err: string[] = []
    const driver = createScriptedDriver(network)
    const { env = {}, typed, onSaid } = options
    const code = await runCli({
      args: [...args, '--home', home],
      surroundings: { env, platform: 'linux', isRoot: false, homeFolder: home },
      env,
      version: '0.1.0',
      drivers: { onvif: async () => driver },
      clock: options.clock ?? createSystemClock(),
      signal: AbortSignal.timeout(15_000),
      print: (line) => void out.push(line),
      say(line) {
        err.push(line)
        onSaid?.(line)
      },
      askPassword: typed === undefined ? null : async () => typed,
    })
    return { code, out: out.join('\n'), err: err.join('\n'), asked: driver.asked }
  }

  return {
    ...{ home, platform, network, run },
    /** What the platform answers to claims from now on. */
    answerClaims(result: Partial<ClaimResult>): void {
      claimed = result
    },
    placeCamera(address: string, changes: Partial<ScriptedCamera> = {}): ScriptedCamera {
      const camera = {
        ...{ deviceId: 'cam-1', password: 'right', certificateSha256: pin, probe: {}, facts: {}, refusedLogins: 0 },
        ...changes,
      }
      network.set(address, camera)
      return camera
    },
    enroll: () => run(['enroll', '--platform', platform.url, '--token', platform.token, '--name', 'Gate house']),
    add: (address: string, password = 'right', more: string[] = []) =>
      run(['camera', 'add', '--address', address, '--user', 'admin', ...more], {
        env: { OCELLI_CAMERA_PASSWORD: password },
      }),
    /** The bodies of the claims that the platform was sent. */
    claims: () =>
      platform.exchanges.filter(({ path }) => path === '/device/v1/claims').map(({ body }) => JSON.parse(body)),
    /** The cameras that lie in the folder. */
    async stored(): Promise<Camera[]> {
      const folder = await openStateFolder(home)
      const store = await createCameraStore({ folder, clock: createSystemClock(), log: quietLog, watchEveryMs: null })
      return store.list()
    },
    async close(): Promise<void> {
      await platform.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
