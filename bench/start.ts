import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { benchEnvironment, end, makeHome, untilReady } from './platform-process.ts'
import { memoryOfTree } from './process-memory.ts'
import { print, printFigure } from './report.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const rounds = 5
/** Garbage of the start is collected and the gateway has connected by then. */
const idleMs = 15_000

/** `npm start` on a folder that exists, and what the idle platform takes. The first start makes the folder. */
export async function benchStart(): Promise<void> {
  const home = await makeHome()
  try {
    const first = await startOnce(home)
    print(`first start, makes the database (not judged)               ${(first.readyMs / 1000).toFixed(2)} s`)
    await end(first.child)
    const readySeconds: number[] = []
    for (let round = 0; round < rounds; round++) {
      const { child, readyMs } = await startOnce(home)
      readySeconds.push(readyMs / 1000)
      if (round === rounds - 1) await printMemory(child.pid ?? 0)
      await end(child)
    }
    printFigure('warm npm start until ready', readySeconds, {
      unit: 's',
      digits: 2,
      target: { value: 3, isAtLeast: false },
    })
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function startOnce(home: string) {
  const env = await benchEnvironment(home)
  const startedAtMs = performance.now()
  const child = spawn('npm', ['start', '--silent'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  await untilReady(child)
  return { child, readyMs: performance.now() - startedAtMs }
}

async function printMemory(pid: number): Promise<void> {
  await pause(idleMs)
  const sums = { platform: 0, database: 0, gateway: 0, npm: 0 }
  for (const { command, pssBytes } of await memoryOfTree(pid)) sums[partOf(command)] += pssBytes / 1e6
  const { platform, database, gateway } = sums
  printFigure('idle: platform process', [platform], { unit: 'MB PSS' })
  printFigure('idle: PostgreSQL', [database], { unit: 'MB PSS' })
  printFigure('idle: platform with PostgreSQL', [platform + database], {
    unit: 'MB PSS',
    target: { value: 250, isAtLeast: false },
  })
  printFigure('idle: built-in gateway (not judged)', [gateway], { unit: 'MB PSS' })
}

function partOf(command: string): 'platform' | 'database' | 'gateway' | 'npm' {
  if (command.includes('gateway/src/main.ts')) return 'gateway'
  if (command.startsWith('npm') || /^(sh|\/bin\/sh) -c/.test(command)) return 'npm'
  return command.includes('platform/src/main.ts') ? 'platform' : 'database'
}
