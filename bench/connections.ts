import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { downTopic, type Enrollment, upTopic, type Welcome } from '@ocelli/contract'
import { connect, type MqttClient } from 'mqtt'
import { bareTlsBytesPerConnection } from './bare-tls.ts'
import { enrollGateways } from './enroll-gateways.ts'
import { makeFleet } from './fleet.ts'
import { inGroups } from './in-groups.ts'
import { type PlatformProcess, startPlatformProcess } from './platform-process.ts'
import { cpuMs, cpuWithChildrenMs, parentOf, residentBytes } from './process-memory.ts'
import { print, printFigure } from './report.ts'

/** Memory is the slope between these, so that what the first connections load does not count. */
const base = 200
const settleMs = 10_000
const servedWithinMs = 120_000

/** Idle gateways over TLS with client certificates, and all of them coming back at once. */
export async function benchConnections(): Promise<void> {
  const count = Number(process.env.BENCH_CONNECTIONS ?? 2000)
  const platform = await startPlatformProcess({
    nodeOptions: (process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter(Boolean),
  })
  let clients: MqttClient[] = []
  try {
    const fleet = await makeFleet(platform, 0)
    const csr = fleet.gatewayKey.certificateRequest()
    const enrollments = await enrollGateways(platform, { accountId: fleet.accountId, csr, count })
    print(`${enrollments.length} gateways enrolled`)
    const open = (some: Enrollment[]) => inGroups(some, 50, (one) => comeIn(one, fleet.gatewayKey.privatePem))
    clients = await open(enrollments.slice(0, base))
    await pause(settleMs)
    const before = await residentBytes(platform.pid)
    clients.push(...(await open(enrollments.slice(base))))
    await pause(settleMs)
    const perConnection = ((await residentBytes(platform.pid)) - before) / (count - base) / 1000
    const target = { value: 25, isAtLeast: false }
    printFigure(`resident memory per idle connection, ${base} to ${count}`, [perConnection], { unit: 'kB', target })
    await compareToBareTls(enrollments[0], { privateKey: fleet.gatewayKey.privatePem, count: Math.min(count, 1000) })
    await Promise.all(clients.map((client) => client.endAsync(true)))
    const { rows } = await platform.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const postmaster = await parentOf(rows[0]?.pid ?? 0)
    const usedBeforeMs = await usedMs(platform, postmaster)
    const startedAtMs = performance.now()
    clients = await Promise.all(enrollments.map((one) => comeIn(one, fleet.gatewayKey.privatePem)))
    const seconds = (performance.now() - startedAtMs) / 1000
    const used = await usedMs(platform, postmaster)
    const each = (name: 'platform' | 'postgres' | 'clients') => (used[name] - usedBeforeMs[name]) / count
    printFigure('  processor time of the platform process, each', [each('platform')], { unit: 'ms', digits: 2 })
    printFigure('  of PostgreSQL', [each('postgres')], { unit: 'ms', digits: 2 })
    printFigure('  of the clients, all in one process', [each('clients')], { unit: 'ms', digits: 2 })
    printFigure(`${count} connecting at once, all welcomed`, [seconds], { unit: 's' })
    printFigure('  welcomed per second (10,000 in 60 s need 167)', [count / seconds], {
      unit: '/s',
      target: { value: 167, isAtLeast: true },
    })
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)))
    await platform.stop()
  }
}

/** Processor time so far. */
async function usedMs({ pid }: PlatformProcess, postmaster: number) {
  const { user, system } = process.cpuUsage()
  return { platform: await cpuMs(pid), postgres: await cpuWithChildrenMs(postmaster), clients: (user + system) / 1000 }
}

/** What of it Node's TLS takes, whoever speaks over it. */
async function compareToBareTls(
  enrollment: Enrollment | undefined,
  { privateKey, count }: { privateKey: string; count: number },
): Promise<void> {
  if (!enrollment) return
  const { certificate, caCertificate } = enrollment
  const bytes = await bareTlsBytesPerConnection({ certificate, privateKey, caCertificate }, { base, count, settleMs })
  printFigure("  of a bare TLS server of Node's, as reference", [bytes / 1000], { unit: 'kB' })
}

/** Connects, subscribes, says hello, and resolves when the platform's welcome has come. */
async function comeIn(enrollment: Enrollment, privatePem: string): Promise<MqttClient> {
  const { gatewayId, certificate, caCertificate, mqttUrl } = enrollment
  const connectionId = randomBytes(8).toString('hex')
  const client = connect(mqttUrl, {
    ...{ clientId: gatewayId, username: gatewayId, protocolVersion: 4, clean: true, keepalive: 120 },
    ...{ cert: certificate, key: privatePem, ca: caCertificate },
    ...{ connectTimeout: servedWithinMs, reconnectPeriod: 1000, resubscribe: false },
  })
  return await new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error('A gateway was not welcomed in time.')), servedWithinMs)
    // whoever is turned away under load comes again, as gateways do
    client.on('error', () => {})
    client.on('connect', () => {
      client.subscribe(downTopic(gatewayId), { qos: 1 }, () =>
        client.publish(
          upTopic(gatewayId),
          JSON.stringify({ kind: 'hello', connectionId, version: 'bench', devices: [] }),
          { qos: 1 },
        ),
      )
    })
    client.on('message', (_topic, payload) => {
      const message = JSON.parse(payload.toString()) as Welcome
      if (message.kind !== 'welcome' || message.connectionId !== connectionId) return
      clearTimeout(deadline)
      resolve(client)
    })
  })
}
