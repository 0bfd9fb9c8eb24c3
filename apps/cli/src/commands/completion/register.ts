import { Argument } from 'commander'
import type { Register } from '../../program.ts'

const completion = () => import('./completion.ts')

export const registerCompletion: Register = (program, run) => {
  program
    .command('completion')
    .description('print the script that makes a shell complete commands and flags')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish', 'powershell']))
    .examples(
      'ocelli completion bash > ~/.local/share/bash-completion/completions/ocelli',
      'ocelli completion zsh > ~/.zsh/completions/_ocelli   # in a folder of fpath',
      'ocelli completion fish > ~/.config/fish/completions/ocelli.fish',
      'ocelli completion powershell >> $PROFILE',
    )
    .action((shell: string) =>
      run(async ({ stdout }) => (await completion()).printScript(shell, { program, print: stdout.write })),
    )
  // what the scripts call: `ocelli complete -- <words so far>`
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action((words: string[]) =>
      run(async ({ stdout }) => (await completion()).printCompletions(words, { program, print: stdout.write })),
    )
}
