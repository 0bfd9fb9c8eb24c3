import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

const platformProgram = fileURLToPath(new URL('../../apps/platform/src/main.ts', import.meta.url))
const cliProgram = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url))
const gatewayProgram = fileURLToPath(new URL('../../apps/gateway/src/main.ts', import.meta.url))

export type Environment = Record<string, string | undefined>

/** Settles when the platform says that it is ready. Rejects when it ends before that. */
export async function startPlatformProcess(environment: Environment): Promise<ChildProcess> {
  const child = start(platformProgram, [], environment, 'inherit')
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('Ocelli is ready')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`The platform ended with ${code} before it was ready: ${said}`)))
  })
  return child
}

export function startGatewayProcess(args: string[], environment: Environment): ChildProcess {
  return start(gatewayProgram, args, environment, 'inherit')
}

/** Gives what the command said. Rejects unless it ends well. */
export async function runGatewayCommand(args: string[], environment: Environment): Promise<string> {
  const { code, said } = await finished(start(gatewayProgram, args, environment, 'pipe'))
  if (code !== 0) throw new Error(`ocelli-gateway ${args.join(' ')} ended with ${code}: ${said}`)
  return said
}

export function runCliCommand(
  args: string[],
  environment: Environment,
): Promise<{ code: number | null; said: string }> {
  return finished(start(cliProgram, args, environment, 'pipe'))
}

export function runPlatformCommand(
  args: string[],
  environment: Environment,
): Promise<{ code: number | null; said: string }> {
  return finished(start(platformProgram, args, environment, 'pipe'))
}

/** Ends a program and waits until it has ended; one that has ended already is left alone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.kill(signal)
  await once(child, 'exit')
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function start(program: string, args: string[], environment: Environment, stderr: 'inherit' | 'pipe'): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    env: environment as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', stderr],
  })
}

async function finished(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said: said.trim() }
}
