#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isCancel, password } from '@clack/prompts'
import { exitCodes } from './cli/exit-code.ts'
import { runCli } from './cli/run-cli.ts'
import { createSystemClock } from './state/clock.ts'
import { GatewayError } from './state/gateway-error.ts'

const { stdin, stdout, stderr, env, platform } = process
const packageFile = new URL('../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }

/** Service managers, and the platform beside it, wait so long before they kill. */
const stopWithinMs = 5_000
const stop = new AbortController()
/** Terminal, npm and a parent program may each pass on the same Ctrl-C, so being told again changes nothing. */
function onStop(): void {
  if (stop.signal.aborted) return
  stop.abort(new GatewayError('cancelled', 'Stopped.'))
  setTimeout(() => process.exit(exitCodes.interrupted), stopWithinMs).unref()
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
  if (platform === 'win32' || name !== 'SIGBREAK') process.on(name, onStop)
}
// Started by another program with an IPC channel, it ends with that program, however that ended; Windows has no SIGTERM.
if (process.connected) process.on('disconnect', onStop)

async function askPassword(question: string): Promise<string> {
  const answer = await password({ message: question, output: stderr })
  if (isCancel(answer)) throw new GatewayError('cancelled', 'Nothing was changed.')
  return answer
}

const code = await runCli({
  args: process.argv.slice(2),
  surroundings: { env, platform, isRoot: process.geteuid?.() === 0, homeFolder: homedir() },
  env,
  version,
  drivers: {
    vapix: async () => (await import('@ocelli/driver-vapix')).driverModule,
    onvif: async () => (await import('@ocelli/driver-onvif')).driverModule,
  },
  clock: createSystemClock(),
  signal: stop.signal,
  print: (line) => void stdout.write(`${line}\n`),
  say: (line) => void stderr.write(`${line}\n`),
  askPassword: stdin.isTTY && stderr.isTTY ? askPassword : null,
})
// A pipe takes what was written at its own pace; a connection that somebody left open must not keep the process alive.
await new Promise<void>((resolve) => void stdout.write('', () => resolve()))
process.exit(code)
