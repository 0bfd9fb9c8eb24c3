import { Command } from 'commander'

/** A command that also carries its examples, for its help and for the reference. */
export class CliCommand extends Command {
  exampleLines: readonly string[] = []

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  /** Whole command lines; what stands behind ` # ` is said in words. */
  examples(...lines: string[]): this {
    this.exampleLines = lines
    return this.addHelpText('after', ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n'))
  }
}
