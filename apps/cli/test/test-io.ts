import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@ocelli/sdk'
import { onTestFinished } from 'vitest'
import type { ExitCode } from '../src/exit-code.ts'
import type { Io } from '../src/io.ts'
import { runCli } from '../src/run-cli.ts'

export interface CliRun {
  code: ExitCode
  stdout: string
  stderr: string
}

export interface TestCli {
  folder: string
  run(args: string[], changes?: Partial<Io>): Promise<CliRun>
}

/** The program in a folder of its own, with nobody at the terminal. */
export async function openTestCli(base: Partial<Io> = {}): Promise<TestCli> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-cli-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return {
    folder,
    async run(args, changes = {}) {
      const said = { stdout: '', stderr: '' }
      const sink = (name: keyof typeof said) => ({
        write(text: string) {
          said[name] += text
        },
        isTerminal: false,
        columns: 80,
      })
      const code = await runCli(args, {
        stdout: sink('stdout'),
        stderr: sink('stderr'),
        terminal: null,
        stdin: (async function* none() {})(),
        env: {},
        platform: process.platform,
        hostName: 'desk',
        cwd: folder,
        configFolder: join(folder, 'config'),
        fetch: (input, init) => globalThis.fetch(input, init),
        trust: () => {},
        prompt: null,
        openBrowser: null,
        clock: systemClock,
        random: () => 0,
        signal: new AbortController().signal,
        version: '0.0.0',
        ...base,
        ...changes,
      })
      return { code, ...said }
    },
  }
}

/** A platform that answers as `answer` says, by verb and path. */
export function answering(answer: (call: { route: string; body: unknown; url: URL; headers: Headers }) => unknown) {
  const calls: string[] = []
  const fetch: Io['fetch'] = async (input, init) => {
    const url = new URL(String(input))
    const route = `${init?.method ?? 'GET'} ${url.pathname}`
    calls.push(`${route}${url.search}`)
    const text = typeof init?.body === 'string' ? init.body : ''
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : text
    const given = answer({ route, body, url, headers: new Headers(init?.headers) })
    return given instanceof Response ? given : Response.json(given ?? {})
  }
  return { calls, fetch }
}

/** A refusal in the words of the API. */
export const problem = (status: number, code: string, more: Record<string, unknown> = {}): Response =>
  Response.json(
    {
      code,
      detail: `It is ${code}.`,
      requestId: 'r-1',
      retryable: false,
      retryAfterSeconds: null,
      errors: [],
      ...more,
    },
    { status },
  )

export const signedIn = { OCELLI_URL: 'https://ocelli.test', OCELLI_TOKEN: 'ocp_test' }

/** What the platform says of who asks, here a machine. */
export const technicalUser = {
  ...{ kind: 'technical-user', id: 'bot', permissions: [], projectIds: null, user: null },
  account: { name: 'Acme' },
}
