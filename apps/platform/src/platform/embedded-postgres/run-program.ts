import { spawn } from 'node:child_process'
import { parse } from 'node:path'
import { EmbeddedPostgresError, systemCodeOf } from './embedded-postgres-error.ts'
import type { ServiceUser } from './service-user.ts'

/** How much of a program's talk an error may quote. */
const longestQuoteChars = 2000

export type ProgramResult = { exitCode: number | null; output: string }

/**
 * What PostgreSQL's programs see of the environment: nothing of ours (it holds secrets), and the C locale, since
 * messages are read by us and the machine may lack every other.
 */
export function programEnvironment(): NodeJS.ProcessEnv {
  const kept = process.platform === 'win32' ? ['SystemRoot', 'SystemDrive', 'TEMP', 'TMP', 'PATH'] : ['PATH']
  return { ...Object.fromEntries(kept.map((name) => [name, process.env[name]])), LC_ALL: 'C', TZ: 'UTC' }
}

/** Options that start a program as `user`, in a process group of its own, so that a terminal's Ctrl-C passes it by. */
export function spawnOptions(user: ServiceUser | undefined) {
  return {
    // Ours may be a folder that the user cannot enter.
    cwd: parse(process.execPath).root,
    env: programEnvironment(),
    detached: true,
    windowsHide: true,
    ...(user && { uid: user.uid, gid: user.gid }),
  } as const
}

/** Runs one of PostgreSQL's programs to its end and gives what it said; an abort ends its whole process group. */
export async function runProgram(
  program: string,
  args: string[],
  options: { user?: ServiceUser; signal?: AbortSignal } = {},
): Promise<ProgramResult> {
  options.signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...spawnOptions(options.user), stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const listen = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-longestQuoteChars)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    const abort = () => endGroup(child.pid)
    options.signal?.addEventListener('abort', abort, { once: true })
    child.once('error', (cause) => {
      options.signal?.removeEventListener('abort', abort)
      reject(spawnError(program, cause))
    })
    child.once('close', (exitCode) => {
      options.signal?.removeEventListener('abort', abort)
      if (options.signal?.aborted) reject(options.signal.reason)
      else resolve({ exitCode, output: output.trim() })
    })
  })
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}

/** Says what a failed spawn means; the system's codes name neither the program nor the way out. */
export function spawnError(program: string, cause: unknown): EmbeddedPostgresError {
  const code = systemCodeOf(cause)
  const reason =
    code === 'EACCES'
      ? 'the user that runs it may not enter its folder or execute it (a file system mounted noexec?)'
      : code === 'ENOENT'
        ? 'it or its loader is missing (the programs need glibc, not musl)'
        : code === 'EPERM'
          ? 'this process may not change to another user (a container without CAP_SETUID?)'
          : String(cause instanceof Error ? cause.message : cause)
  return new EmbeddedPostgresError(
    'postgres-unavailable',
    `Cannot run ${program}: ${reason}. Set DATABASE_URL to use a PostgreSQL of your own.`,
    { cause },
  )
}
