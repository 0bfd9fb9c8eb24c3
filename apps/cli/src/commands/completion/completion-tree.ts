import { type Complete, RootCommand, type Command as TabCommand } from '@bomb.sh/tab'
import type { Command, Option } from 'commander'

/** The words that a shell may offer: the program's own commands, flags and choices. */
export function completionTree(program: Command): RootCommand {
  const root = new RootCommand()
  addFlags(root, program.options)
  const walk = (command: Command, path: string) => {
    for (const child of command.commands) {
      const name = path === '' ? child.name() : `${path} ${child.name()}`
      const node = root.command(name, child.description())
      addFlags(node, [...child.options, ...program.options])
      for (const argument of child.registeredArguments) {
        node.argument(argument.name(), argument.argChoices && offer(argument.argChoices), argument.variadic)
      }
      walk(child, name)
    }
  }
  walk(program, '')
  return root
}

function addFlags(node: TabCommand, options: readonly Option[]): void {
  for (const { long, description, argChoices, required, optional } of options) {
    const name = long?.replace(/^--/, '')
    if (!name) continue
    // a handler says that a value follows, also where nothing can be offered
    if (required || optional) node.option(name, description, offer(argChoices ?? []))
    else node.option(name, description)
  }
}

function offer(values: readonly string[]): (complete: Complete) => void {
  return (complete) => {
    for (const value of values) complete(value, '')
  }
}
