import { CommanderError } from 'commander'
import { createContext } from './create-context.ts'
import { describeError, errorJson } from './describe-error.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code.ts'
import type { Io } from './io.ts'
import { createProgram } from './program.ts'

/** Runs one command and gives its exit code. Nothing is thrown: what goes wrong is told on stderr. */
export async function runCli(args: readonly string[], io: Io): Promise<ExitCode> {
  // not a flag of the program: `install --version 4.1` means the app's
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    io.stdout.write(`${io.version}\n`)
    return exitCodes.ok
  }
  let code: ExitCode = exitCodes.ok
  const program = createProgram({
    print: (text) => io.stdout.write(text),
    say: (text) => io.stderr.write(text),
    run: async (flags, work) => {
      code = (await work(createContext(io, flags))) ?? exitCodes.ok
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (io.signal.aborted) return exitCodes.interrupted
    const isJson = program.opts<{ json?: boolean }>().json === true
    for (const line of isJson ? [errorJson(error)] : describeError(error)) io.stderr.write(`${line}\n`)
    return exitCodeOf(error)
  }
}
