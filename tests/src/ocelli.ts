import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))

export interface OcelliRun {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the command line as a process of its own, with nobody at the terminal. */
export async function runOcelli(
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; cwd: string; killAfterMs?: number },
): Promise<OcelliRun> {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.cwd,
    env: { PATH, HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const timer = options.killAfterMs === undefined ? null : setTimeout(() => child.kill('SIGKILL'), options.killAfterMs)
  const [code] = (await once(child, 'close')) as [number | null]
  if (timer) clearTimeout(timer)
  return { code, stdout, stderr }
}
