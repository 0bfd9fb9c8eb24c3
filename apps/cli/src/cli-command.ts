import { Command } from 'commander'

/** A command that also carries its examples, for its help and for the reference. */
export class CliCommand extends Command {
  exampleLines: readonly string[] = []

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  /** What is wrong, and how it goes: one line of usage, one example. */
  override error(message: string, options?: Parameters<Command['error']>[1]): never {
    const path = [this.name()]
    for (let parent = this.parent; parent; parent = parent.parent) path.unshift(parent.name())
    const name = path.join(' ')
    const [example] = this.exampleLines
    this.showHelpAfterError(
      [
        `Usage: ${name} ${this.usage()}`,
        // one with an id cut short shows nothing that can be typed
        ...(example && !example.includes('...') ? [`Such as: ${example.replace(/ +# .*$/, '')}`] : []),
        `More: ${name} --help`,
      ].join('\n'),
    )
    return super.error(message, options)
  }

  /** Whole command lines; what stands behind ` # ` is said in words. */
  examples(...lines: string[]): this {
    this.exampleLines = lines
    return this.addHelpText('after', ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n'))
  }
}
