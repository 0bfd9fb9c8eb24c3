import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Environment } from './processes.ts'

const program = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))

export interface CliEnd {
  code: number | null
  stdout: string
  stderr: string
}

/** Everything of this machine's own OCELLI_ settings is left out. */
export function startCli(args: string[], environment: Environment): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('OCELLI_'))
  return spawn(process.execPath, [program, ...args], {
    env: { ...Object.fromEntries(inherited), ...environment } as NodeJS.ProcessEnv,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Runs `ocelli` as a process of its own, with `input` piped in. */
export async function runCliProcess(args: string[], environment: Environment, input = ''): Promise<CliEnd> {
  const child = startCli(args, environment)
  const said = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => {
    said.stdout += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    said.stderr += chunk.toString()
  })
  child.stdin?.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...said }
}
