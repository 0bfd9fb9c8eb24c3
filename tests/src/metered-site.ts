import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createCamera, type SimulatedCamera } from '@ocelli/camera-sim'
import {
  addCamera,
  createCameraStore,
  createPlatformApi,
  createSystemClock,
  type DriverTable,
  enroll,
  openStateFolder,
} from '../../apps/gateway/src/index.ts'
import { createLineMeter, type LineMeter, type MeteredConnection } from './line-meter.ts'
import { type Environment, end, startGatewayProcess } from './processes.ts'
import type { Node, TwoPlatforms } from './two-platforms.ts'

export interface SiteGateway {
  environment: Environment
  process: ChildProcess
  /** Between it and the platform. */
  line: LineMeter
}

export interface SiteCamera {
  deviceId: string
  simulated: SimulatedCamera
  /** Between it and its gateway. */
  line: LineMeter
}

/** How many cameras of the site were at work when an upload had begun. */
export interface Beginning {
  atMs: number
  deviceId: string
  atWork: number
}

/** Gateways in processes of their own, simulated cameras, and meters on every line between them. */
export interface MeteredSite {
  gateways: SiteGateway[]
  cameras: SiteCamera[]
  /** The number at work grows only where an upload begins: the most of these is the most there ever was. */
  beginnings: Beginning[]
}

const password = 'camera-password'
/** A request with more than this in it is a package. */
export const packageFromBytes = 100_000
const clock = createSystemClock()
const nothing = () => undefined
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const drivers: DriverTable = {
  onvif: async () => (await import('../../packages/driver-onvif/src/index.ts')).driverModule,
}

export async function startMeteredSite(
  two: TwoPlatforms,
  { siteId, gatewayCount, camerasEach }: { siteId: string; gatewayCount: number; camerasEach: number },
): Promise<MeteredSite> {
  const site: MeteredSite = { gateways: [], cameras: [], beginnings: [] }
  const noted = new Set<MeteredConnection>()
  const isPackage = ({ upBytes }: MeteredConnection) => upBytes >= packageFromBytes

  function noteUpload(deviceId: string, connection: MeteredConnection): void {
    if (!isPackage(connection) || noted.has(connection)) return
    noted.add(connection)
    const atWork = site.cameras.filter(
      ({ simulated, line }) =>
        simulated.apps().some(({ state }) => state === 'Installing') ||
        line.connections.some((one) => one.closedAtMs === null && isPackage(one)),
    )
    site.beginnings.push({ atMs: performance.now(), deviceId, atWork: atWork.length })
  }

  async function startCamera(deviceId: string): Promise<SiteCamera> {
    const options = { deviceId, user: 'admin', password, trust: two.licenseKeys, installMs: 300 }
    const simulated = await createCamera(options)
    two.undo.push(() => simulated.close())
    const line = await createLineMeter(simulated.port, (connection) => noteUpload(deviceId, connection))
    two.undo.push(() => line.close())
    const camera = { deviceId, simulated, line }
    site.cameras.push(camera)
    return camera
  }

  for (let at = 0; at < gatewayCount; at++) {
    const node = two.nodes[at % 2] ?? two.nodes[0]
    const line = await createLineMeter(node.port)
    two.undo.push(() => line.close())
    const home = join(two.folder, `gateway-${at}`)
    const cameras: SiteCamera[] = []
    for (let index = 1; index <= camerasEach; index++) cameras.push(await startCamera(`BERTH-${at}-${index}`))
    await enrollWith(cameras, { node, line, home, siteId })
    const quiet = { OCELLI_LOG_LEVEL: two.shared.OCELLI_LOG_LEVEL, OCELLI_DISCOVERY: 'off' }
    const environment = { ...process.env, ...quiet, OCELLI_GATEWAY_HOME: home }
    const gateway = { environment, line, process: startGatewayProcess(['run'], environment) }
    two.undo.push(() => end(gateway.process, 'SIGTERM'))
    site.gateways.push(gateway)
  }
  return site
}

/** What `ocelli-gateway enroll` and `camera add` do, in this process: a process for each of them takes its time. */
async function enrollWith(
  cameras: SiteCamera[],
  { node, line, home, siteId }: { node: Node; line: LineMeter; home: string; siteId: string },
): Promise<void> {
  const signal = AbortSignal.timeout(120_000)
  const { body } = await node.call('POST', `/device/v1/sites/${siteId}/enrollment-tokens`)
  const folder = await openStateFolder(home)
  const platformUrl = `http://127.0.0.1:${line.port}`
  const identity = await enroll({
    ...{ folder, platformUrl, token: String(body.token), name: 'gateway', version: '0', env: {}, signal },
  })
  const store = await createCameraStore({ folder, clock, log, watchEveryMs: null })
  const api = createPlatformApi({ identity: () => identity, clock, env: {} })
  for (const camera of cameras) {
    await addCamera({
      ...{ folder, cameras: store, api, identity, clock, drivers, signal },
      ...{ address: `http://127.0.0.1:${camera.line.port}`, credentials: { user: 'admin', password } },
      ...{ siteId: null, name: null, allowLegacyTls: false },
    })
  }
  store.close()
}
