#!/usr/bin/env node
import type { CommandOptions } from './cli/command.ts'
import { createCommand } from './cli/command.ts'
import { startCameras } from './cli/run-cameras.ts'

const { stdout, stderr } = process

async function run(options: CommandOptions): Promise<void> {
  const stop = new Promise((resolve) => {
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(event, resolve)
  })
  const running = await startCameras(options)
  for (const camera of running.cameras) stdout.write(`${camera.deviceId} ${camera.url}\n`)
  if (running.controlUrl !== null) stdout.write(`control ${running.controlUrl}/cameras\n`)
  await stop
  await running.close()
}

try {
  await createCommand(run).parseAsync()
} catch (error) {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
