import { CommanderError } from 'commander'
import { wrongUsage } from './cli-error.ts'
import { createContext } from './create-context.ts'
import { describeError, errorJson } from './describe-error.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code.ts'
import type { Io } from './io.ts'
import { createProgram } from './program.ts'

/** Runs one command and gives its exit code. Nothing is thrown: what goes wrong is told on stderr. */
export async function runCli(args: readonly string[], io: Io): Promise<ExitCode> {
  // not a flag of the program: `install --version 4.1` means the app's
  if (args.length === 1 && ['--version', '-V', '-v', 'version'].includes(args[0] ?? '')) {
    io.stdout.write(`${io.version}\n`)
    return exitCodes.ok
  }
  let code: ExitCode = exitCodes.ok
  // what cannot be read as a command never gets to its flags
  const isJson = args.includes('--json')
  const isOwnRequest = args.some((arg) => arg === '--file' || arg.startsWith('--file='))
  const refused: string[] = []
  const program = createProgram({
    print: (text) => io.stdout.write(text),
    say: (text) => (isJson ? void refused.push(text) : io.stderr.write(text)),
    run: async (flags, work) => {
      code = (await work(createContext(io, flags))) ?? exitCodes.ok
    },
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok
      if (isJson)
        io.stderr.write(
          `${errorJson(
            wrongUsage(
              refused
                .join('')
                .replace(/^error: /, '')
                .trim(),
            ),
          )}\n`,
        )
      return exitCodes.usage
    }
    if (io.signal.aborted) return exitCodes.interrupted
    for (const line of isJson ? [errorJson(error)] : describeError(error, { isOwnRequest }))
      io.stderr.write(`${line}\n`)
    return exitCodeOf(error)
  }
}
