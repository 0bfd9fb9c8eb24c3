import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export type Said =
  | { kind: 'running'; connectionString: string; adopted: boolean; pid: number }
  | { kind: 'failed'; code?: string; message: string }

export interface PlatformProcess {
  child: ChildProcess
  /** Its first line; rejects when it ends without one. */
  said: Promise<Said>
  /** Sends the signal and waits for its end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
}

/** Runs keep-running.ts in a process of its own. */
export function spawnPlatform(dataFolder: string, options: SpawnOptions = {}): PlatformProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'keep-running.ts'), dataFolder], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  return {
    child,
    said: firstLine(child),
    async end(signal) {
      child.kill(signal)
      await exited
    },
  }
}

/** Waits until it runs; throws what it says instead. */
export async function running(platform: PlatformProcess): Promise<Said & { kind: 'running' }> {
  const said = await platform.said
  if (said.kind === 'failed') throw new Error(said.message)
  return said
}

async function firstLine(child: ChildProcess): Promise<Said> {
  if (!child.stdout) throw new Error('The process has no standard output.')
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line)
  throw new Error('The process ended without a word.')
}
