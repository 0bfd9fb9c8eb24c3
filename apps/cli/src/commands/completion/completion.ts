import type { Command } from 'commander'
import { completionTree } from './completion-tree.ts'

/** Both print by themselves, on stdout: the words of a protocol between the script and this program. */
export async function printScript(shell: string, program: Command): Promise<void> {
  completionTree(program).setup('ocelli', 'ocelli', shell)
}

export async function printCompletions(words: string[], program: Command): Promise<void> {
  completionTree(program).parse(words)
}
