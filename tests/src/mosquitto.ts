import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { end, freePort } from './processes.ts'

/** Debian keeps it where an ordinary user's PATH does not look. */
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']
const startsWithinMs = 10_000

/** Null where Mosquitto is not installed. */
export function findMosquitto(): string | null {
  return folders.map((folder) => join(folder, 'mosquitto')).find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export interface Mosquitto {
  gatewayUrl: string
  platformUrl: string
  stop(): Promise<void>
}

export const chooseMosquittoPorts = async () => ({ gateways: await freePort(), platforms: await freePort() })

/**
 * Runs Mosquitto by the very lines of docs/network.md, with other ports and folder. `folder` holds `ca.pem`, `broker.pem`
 * and `broker.key` already.
 */
export async function startMosquitto(options: {
  program: string
  folder: string
  ports: { gateways: number; platforms: number }
  /** What an operator may have left out: lines that begin so. */
  without?: string[]
}): Promise<Mosquitto> {
  const { program, folder, ports, without = [] } = options
  const page = await readFile(new URL('../../docs/network.md', import.meta.url), 'utf8')
  const settings = blockOf(page, 'conf')
    .replaceAll('/etc/mosquitto/ocelli', folder)
    .replace('listener 8883', `listener ${ports.gateways} 127.0.0.1`)
    .replace('listener 8884', `listener ${ports.platforms} 127.0.0.1`)
    .split('\n')
    .filter((line) => !without.some((start) => line.startsWith(start)))
  // As root it would become a user that cannot read the test's folder.
  if (process.geteuid?.() === 0) settings.unshift('user root')
  await writeFile(join(folder, 'mosquitto.conf'), settings.join('\n'))
  await writeFile(join(folder, 'acl'), blockOf(page, 'acl'), { mode: 0o600 })
  await chmod(join(folder, 'acl'), 0o600)
  const child = spawn(program, ['-c', join(folder, 'mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-5000)
  })
  for (const port of Object.values(ports)) await untilListening(child, port, () => said)
  return {
    gatewayUrl: `mqtts://127.0.0.1:${ports.gateways}`,
    platformUrl: `mqtts://127.0.0.1:${ports.platforms}`,
    stop: () => end(child, 'SIGTERM'),
  }
}

function blockOf(page: string, language: string): string {
  const [, block] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page) ?? []
  if (!block) throw new Error(`docs/network.md has no block of ${language}.`)
  return block
}

async function untilListening(child: ChildProcess, port: number, said: () => string): Promise<void> {
  const deadlineMs = Date.now() + startsWithinMs
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`Mosquitto ended with ${child.exitCode}: ${said()}`)
    if (Date.now() > deadlineMs) throw new Error(`Mosquitto does not listen on ${port}: ${said()}`)
    await pause(50)
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
