import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('../../../../packages/camera-sim/src/main.ts', import.meta.url))

export interface SimulatedCamera {
  address: string
  /** What a person standing before it could see. */
  look(): Promise<{ writes: number; refusedLogins: number }>
  stop(): Promise<void>
}

interface CameraOptions {
  deviceId: string
  host: string
  port: number
  password?: string
}

/** A conformant camera in a process of its own; it ends with the test. */
export async function startSimulatedCamera(options: CameraOptions): Promise<SimulatedCamera> {
  const { deviceId, host, port, password = 'correct' } = options
  const flags = ['--device-id', deviceId, '--host', host, '--port', String(port), '--user', 'root']
  const child = spawn(process.execPath, [program, ...flags, '--password', password, '--control-port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  onTestFinished(stop)
  for await (const line of createInterface({ input: child.stdout })) {
    const control = /^control (.*)$/.exec(line)?.[1]
    if (control === undefined) continue
    const look = async () => (await fetch(`${control}/${deviceId}`)).json() as ReturnType<SimulatedCamera['look']>
    return { address: `http://${host}:${port}`, look, stop }
  }
  throw new Error(`The simulated camera ${deviceId} did not start.`)
}
