import { confirm, isCancel, password, text } from '@clack/prompts'
import { CliError } from './cli-error.ts'
import type { Prompter } from './io.ts'

/** Questions at the terminal, asked on stderr. */
export function openPrompter(output: NodeJS.WriteStream): Prompter {
  async function answered<Value>(asking: Promise<Value>): Promise<Exclude<Value, symbol>> {
    const answer = await asking
    if (isCancel(answer)) throw new CliError('cancelled', 'Nothing was changed.')
    return answer as Exclude<Value, symbol>
  }
  return {
    text: (message) => answered(text({ message, output })),
    secret: (message) => answered(password({ message, output })),
    // what is asked is hard to take back: the key of habit does nothing
    confirm: (message) => answered(confirm({ message, output, initialValue: false })),
  }
}
