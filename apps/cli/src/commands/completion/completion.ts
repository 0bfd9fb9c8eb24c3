import type { Command } from 'commander'
import { completionTree } from './completion-tree.ts'
import { expectsFile } from './expects-file.ts'

type Print = (text: string) => void

/** Prints by itself, on stdout. For bash what is added lets it offer files where the program has nothing to offer. */
export async function printScript(
  shell: string,
  { program, print }: { program: Command; print: Print },
): Promise<void> {
  completionTree(program).setup('ocelli', 'ocelli', shell)
  if (shell === 'bash') print('complete -o default -F __ocelli_complete ocelli\n')
}

/** The words of a protocol between the script and this program, on stdout. `:0` alone: the shell offers files. */
export async function printCompletions(
  words: string[],
  { program, print }: { program: Command; print: Print },
): Promise<void> {
  if (expectsFile(words, program)) print(':0\n')
  else completionTree(program).parse(words)
}
