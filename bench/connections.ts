import type { Enrollment } from '@ocelli/contract'
import type { MqttClient } from 'mqtt'
import { bareTlsBytesPerConnection } from './bare-tls.ts'
import { enrollGateways } from './enroll-gateways.ts'
import { makeFleet } from './fleet.ts'
import type { GatewayKey } from './gateway-key.ts'
import { behindProxy, logIn, overTls, type Way } from './gateway-login.ts'
import { collectsWhenTold, idleBytes } from './idle-memory.ts'
import { inGroups } from './in-groups.ts'
import { type PlatformProcess, startPlatformProcess } from './platform-process.ts'
import { cpuMs, cpuWithChildrenMs, parentOf } from './process-memory.ts'
import { print, printFigure } from './report.ts'

/** Memory is the slope between these, so that what the first connections load does not count. */
const base = 200
const openAtOnce = 50
const target = { value: 25, isAtLeast: false }

/** A platform with gateways that are enrolled and not connected. */
interface Gateways {
  platform: PlatformProcess
  enrollments: Enrollment[]
  key: GatewayKey
}

/** Idle gateways behind a proxy that ends TLS, idle ones over TLS with client certificates, and all of these coming back at once. */
export async function benchConnections(): Promise<void> {
  const count = Number(process.env.BENCH_CONNECTIONS ?? 2000)
  // a process of its own for each: what has once been taken for many connections is not given back, nor is code compiled again at once
  await withGateways(count, (gateways) =>
    weigh(gateways, {
      way: behindProxy(gateways.key, gateways.platform.url),
      name: `WebSocket, a proxy ends TLS, ${base} to ${count}`,
    }),
  )
  await withGateways(count, async (gateways) => {
    await weigh(gateways, { way: overTls(gateways.key), name: `TLS with client certificates, ${base} to ${count}` })
    await compareToBareTls(gateways, Math.min(count, 1000))
  })
  await withGateways(count, comeBack)
}

async function withGateways(count: number, measure: (gateways: Gateways) => Promise<void>): Promise<void> {
  const nodeOptions = (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter(Boolean)
  const platform = await startPlatformProcess({ nodeOptions: [...nodeOptions, ...collectsWhenTold] })
  try {
    const { accountId, gatewayKey: key } = await makeFleet(platform, 0)
    const enrollments = await enrollGateways(platform, { accountId, csr: key.certificateRequest(), count })
    await measure({ platform, enrollments, key })
  } finally {
    await platform.stop()
  }
}

/** Prints the resident memory that each idle connection takes of the platform. */
async function weigh({ platform, enrollments }: Gateways, { way, name }: { way: Way; name: string }): Promise<void> {
  const open = (some: Enrollment[]) => inGroups(some, openAtOnce, (one) => logIn(one, way))
  const clients = await open(enrollments.slice(0, base))
  const before = await idleBytes(platform.pid)
  clients.push(...(await open(enrollments.slice(base))))
  const perConnection = ((await idleBytes(platform.pid)) - before) / (enrollments.length - base) / 1000
  print('resident memory of the platform per idle connection')
  printFigure(`  ${name}`, [perConnection], { unit: 'kB', target })
  await endAll(clients)
}

/** What of it Node's TLS takes, whoever speaks over it. */
async function compareToBareTls({ enrollments: [enrollment], key }: Gateways, count: number): Promise<void> {
  if (!enrollment) return
  const bytes = await bareTlsBytesPerConnection({ ...enrollment, privateKey: key.privatePem }, { base, count })
  printFigure("  a bare TLS server of Node's, as reference", [bytes / 1000], { unit: 'kB' })
}

/** All at once, as after a restart, when they have been there before. */
async function comeBack({ platform, enrollments, key }: Gateways): Promise<void> {
  const count = enrollments.length
  const way = overTls(key)
  await endAll(await inGroups(enrollments, openAtOnce, (one) => logIn(one, way)))
  const { rows } = await platform.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const postmaster = await parentOf(rows[0]?.pid ?? 0)
  const usedBeforeMs = await usedMs(platform, postmaster)
  const startedAtMs = performance.now()
  const clients = await Promise.all(enrollments.map((one) => logIn(one, way)))
  const seconds = (performance.now() - startedAtMs) / 1000
  const used = await usedMs(platform, postmaster)
  await endAll(clients)
  const each = (name: 'platform' | 'postgres' | 'clients') => (used[name] - usedBeforeMs[name]) / count
  printFigure(`${count} connecting at once, all welcomed`, [seconds], { unit: 's' })
  printFigure('  welcomed per second (10,000 in 60 s need 167)', [count / seconds], {
    unit: '/s',
    target: { value: 167, isAtLeast: true },
  })
  printFigure('  processor time of the platform process, each', [each('platform')], { unit: 'ms', digits: 2 })
  printFigure('  of PostgreSQL', [each('postgres')], { unit: 'ms', digits: 2 })
  printFigure('  of the clients, all in one process', [each('clients')], { unit: 'ms', digits: 2 })
}

/** Processor time so far. */
async function usedMs({ pid }: PlatformProcess, postmaster: number) {
  const { user, system } = process.cpuUsage()
  return { platform: await cpuMs(pid), postgres: await cpuWithChildrenMs(postmaster), clients: (user + system) / 1000 }
}

async function endAll(clients: MqttClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client.endAsync(true)))
}
