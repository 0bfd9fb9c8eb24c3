#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { hostname } from 'node:os'
import tls from 'node:tls'
import { systemClock } from '@ocelli/sdk'
import envPaths from 'env-paths'
import { exitCodes } from './exit-code.ts'
import { browserOpener } from './open-browser.ts'
import { openPrompter } from './prompter.ts'
import { runCli } from './run-cli.ts'

const { stdin, stdout, stderr, env, platform } = process
const packageFile = new URL('../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }

/** What was asked for a second time is meant: then nothing is tidied up any more. */
const tidyWithinMs = 3_000
const stop = new AbortController()
function onStop(): void {
  if (stop.signal.aborted) process.exit(exitCodes.interrupted)
  stop.abort(new Error('interrupted'))
  setTimeout(() => process.exit(exitCodes.interrupted), tidyWithinMs).unref()
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
  if (platform === 'win32' || name !== 'SIGBREAK') process.on(name, onStop)
}
// `ocelli ... | head`: nobody reads on, so nothing more need be done
stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.readerGone : exitCodes.localFile)
})
stderr.on('error', () => {})
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold for every request; named imports of what Node 22 lacks would end the program
http.setGlobalProxyFromEnv?.(env)

const code = await runCli(process.argv.slice(2), {
  stdout: { write: (text) => void stdout.write(text), isTerminal: stdout.isTTY, columns: stdout.columns ?? 80 },
  stderr: { write: (text) => void stderr.write(text), isTerminal: stderr.isTTY, columns: stderr.columns ?? 80 },
  terminal: stderr.isTTY ? stderr : null,
  stdin,
  ...{ env, platform, version },
  hostName: hostname(),
  cwd: process.cwd(),
  configFolder: env.OCELLI_CONFIG || envPaths('ocelli', { suffix: '' }).config,
  fetch: (input, init) => globalThis.fetch(input, init),
  trust: (caPem) => tls.setDefaultCACertificates([...tls.getCACertificates('default'), caPem]),
  prompt: stdin.isTTY && stderr.isTTY ? openPrompter(stderr) : null,
  openBrowser: stdin.isTTY && stderr.isTTY ? browserOpener({ env, platform }) : null,
  clock: systemClock,
  random: Math.random,
  signal: stop.signal,
})
// A pipe takes what was written at its own pace; a connection that is kept for later must not keep the process alive.
await new Promise<void>((resolve) => void stdout.write('', () => resolve()))
process.exit(code)
