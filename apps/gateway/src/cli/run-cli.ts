import { type Command, CommanderError } from 'commander'
import { gatewayHome, type Surroundings } from '../state/default-home.ts'
import { describeError } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { CommandContext } from './command-context.ts'
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code.ts'
import { createProgram } from './program.ts'

export interface CliOptions extends Omit<CommandContext, 'home'> {
  /** Without the names of program and script. */
  args: string[]
  surroundings: Surroundings
}

/** Runs one command and gives its exit code. Nothing is thrown: what goes wrong is a sentence on `say`. */
export async function runCli({ args, surroundings, ...world }: CliOptions): Promise<ExitCode> {
  const { print, say, signal, version } = world
  let code: ExitCode = exitCodes.ok
  const program = createProgram({
    version,
    contextFor: (home) => ({ ...world, home: gatewayHome(home, surroundings) }),
    finish: (finished) => {
      code = finished
    },
  })
  settle(program, { print, say })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (signal.aborted) return exitCodes.interrupted
    say(describe(error))
    return exitCodeOf(error)
  }
}

/** Commander's own words by the same way out; nothing exits but the main file. */
function settle(command: Command, { print, say }: Pick<CommandContext, 'print' | 'say'>): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => print(text.trimEnd()),
    writeErr: (text) => say(text.trimEnd()),
  })
  for (const child of command.commands) settle(child, { print, say })
}

/** A known error is a sentence; of a bug its place is wanted too. */
function describe(error: unknown): string {
  if (error instanceof GatewayError || (error instanceof Error && error.name === 'DriverError')) return error.message
  const where = error instanceof Error && error.stack ? `\n${error.stack}` : ''
  return `Something unexpected happened: ${describeError(error)}${where}`
}
